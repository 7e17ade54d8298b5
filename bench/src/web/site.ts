/**
 * The benchmark's page as files of a server: both sides bundled, each with the builds of ONNX Runtime that it comes with.
 */
import { readFileSync } from "node:fs";
import { mkdir, writeFile } from "node:fs/promises";
import { createRequire } from "node:module";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { build } from "esbuild";
import { PEER_FOLDER } from "../peer.js";

const WORKERS: readonly string[] = ["session-worker", "webgpu-session-worker", "image-worker"];

/** The folders that a server has to have besides the page's: `/ort/` for ours, and `/peer-ort/`. */
export const ORT_FOLDERS: Readonly<Record<string, string>> = {
  "/ort/": dirname(createRequire(import.meta.resolve("@chinese-clip/web")).resolve("onnxruntime-web")),
  "/peer-ort/": join(PEER_FOLDER, "node_modules", "onnxruntime-web", "dist"),
};

/** Which ONNX Runtime each side brings along, for under a table. */
export function describeRuntimes(): string {
  const version = (folder: string): string =>
    (JSON.parse(readFileSync(join(folder, "..", "package.json"), "utf8")) as { readonly version: string }).version;
  const [ours = "", peer = ""] = Object.values(ORT_FOLDERS).map(version);
  return `onnxruntime-web: ours ${ours}, the build without WebGPU; transformers.js ${peer}, the build that it asks for (asyncify)`;
}

/**
 * Bundles the page into a folder; it is then `index.html`, to be served as `/bench/`.
 *
 * @param withPeer - whether transformers.js, which has to be installed then, is to come along.
 */
export async function buildSite(folder: string, withPeer: boolean): Promise<void> {
  await mkdir(folder, { recursive: true });
  const ours = dirname(fileURLToPath(import.meta.resolve("@chinese-clip/web")));
  const entries = [fileURLToPath(new URL("page.ts", import.meta.url)), ...WORKERS.map((name) => join(ours, `${name}.js`))];
  const shared = { entryNames: "[name]", bundle: true, format: "esm", outdir: folder, minify: true, logLevel: "error" } as const;
  await build({ ...shared, entryPoints: entries, splitting: true });
  if (withPeer) {
    const transformers = join(PEER_FOLDER, "node_modules", "@huggingface", "transformers", "dist", "transformers.web.js");
    await build({ ...shared, entryPoints: { peer: transformers }, platform: "browser" });
  }
  const page = `<!doctype html><meta charset="utf-8"><link rel="icon" href="data:,"><script type="module" src="page.js"></script>`;
  await writeFile(join(folder, "index.html"), page);
}
