/** The package in a page that each bundler built, and in one that none did: the workers start, the `.wasm` is found, the numbers are right. */
import { copyFile, mkdir, mkdtemp, rm, symlink, writeFile } from "node:fs/promises";
import { createRequire } from "node:module";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { build as esbuild } from "esbuild";
import type { Browser } from "playwright-core";
import { build as vite } from "vite";
import webpack from "webpack";
import { ChineseCLIP as NodeClip } from "@chinese-clip/node";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { chromiumPath, startBrowser, ModelServer } from "@chinese-clip/browser";

const packageFolder = fileURLToPath(new URL("..", import.meta.url));
const dist = join(packageFolder, "dist");
const ort = dirname(dirname(createRequire(import.meta.url).resolve("onnxruntime-web")));
const root = fileURLToPath(new URL("../../../", import.meta.url));

/** A page's script; `wasmPaths` only where the bundler does not put the `.wasm` file where it is looked for. */
const script = (from: string, wasmPaths: string | undefined): string => `
import { ChineseCLIP } from ${JSON.stringify(from)};
globalThis.embed = async () => {
  const backends = [];
  const clip = await ChineseCLIP.fromPretrained("/demo", {
    device: "wasm", numThreads: 2, onBackend: (report) => backends.push(report.threads), ...${JSON.stringify({ wasmPaths })} });
  const text = await clip.embedText("红色的汽车");
  const image = await clip.embedImage("/pictures/01.png");
  await clip.dispose();
  return { threads: backends, values: [...text.data, ...image.data] };
};`;

declare global {
  /** What the built page offers. */
  var embed: () => Promise<{ readonly threads: number[]; readonly values: number[] }>;
}

/** Makes a page of `main.js` in `app`; the page and all that it loads are then in `out`. */
type Builder = (app: string, out: string) => Promise<void>;

const builders: Readonly<Record<string, { readonly wasmPaths: string | undefined; readonly build: Builder }>> = {
  Vite: {
    wasmPaths: undefined,
    build: async (app, out) => {
      await writeFile(join(app, "index.html"), `<!doctype html><script type="module" src="/main.js"></script>`);
      await vite({ root: app, base: "/app/", configFile: false, logLevel: "silent", worker: { format: "es" }, build: { outDir: out } });
    },
  },
  "webpack 5": {
    wasmPaths: undefined,
    build: async (app, out) => {
      const stats = await new Promise<webpack.Stats | undefined>((resolve, reject) =>
        webpack(
          { mode: "production", context: app, entry: "./main.js", output: { path: out, filename: "main.js" }, performance: false },
          (error, result) => (error === null ? resolve(result) : reject(error)),
        ),
      );
      expect(stats?.toJson({ all: false, errors: true }).errors).toEqual([]);
      await writeFile(join(out, "index.html"), `<!doctype html><script src="main.js"></script>`);
    },
  },
  esbuild: {
    wasmPaths: "/ort/",
    build: async (app, out) => {
      await esbuild({
        absWorkingDir: app,
        entryPoints: ["main.js", ...["session-worker", "webgpu-session-worker", "image-worker"].map((name) => join(dist, `${name}.js`))],
        entryNames: "[name]",
        bundle: true,
        splitting: true,
        format: "esm",
        outdir: out,
        minify: true,
        logLevel: "error",
      });
      await writeFile(join(out, "index.html"), `<!doctype html><script type="module" src="main.js"></script>`);
    },
  },
  "no bundler": {
    wasmPaths: "/ort/",
    build: async (app, out) => {
      await copyFile(join(app, "main.js"), join(out, "main.js"));
      await writeFile(
        join(out, "index.html"),
        `<!doctype html><script type="importmap">{ "imports": { "@chinese-clip/web": "/lib/index.js" } }</script>
         <script type="module" src="main.js"></script>`,
      );
    },
  },
};

describe.skipIf(chromiumPath === undefined)("a page built by", () => {
  let browser: Browser;
  let folder: string;
  let expected: number[];
  beforeAll(async () => {
    browser = await startBrowser();
    folder = await mkdtemp(join(tmpdir(), "chinese-clip-bundlers-"));
    const clip = await NodeClip.fromPretrained(join(root, "examples", "demo-checkpoint"));
    const [text, image] = [await clip.embedText("红色的汽车"), await clip.embedImage(join(root, "examples", "pictures", "01.png"))];
    await clip.dispose();
    expected = [...text.data, ...image.data];
  });
  afterAll(async () => {
    await browser.close();
    await rm(folder, { recursive: true });
  });

  it.each(Object.entries(builders))("%s", { timeout: 180_000 }, async (name, { wasmPaths, build }) => {
    const app = join(folder, name.replaceAll(/\W/g, "-"));
    const out = join(app, "out");
    await Promise.all([mkdir(out, { recursive: true }), mkdir(join(app, "node_modules", "@chinese-clip"), { recursive: true })]);
    await symlink(packageFolder, join(app, "node_modules", "@chinese-clip", "web"), "junction");
    await symlink(ort, join(app, "node_modules", "onnxruntime-web"), "junction");
    await writeFile(join(app, "package.json"), JSON.stringify({ private: true, type: "module" }));
    await writeFile(join(app, "main.js"), script("@chinese-clip/web", wasmPaths));
    await build(app, out);
    const server = await ModelServer.start({ isolated: true, folders: { "/app/": out } });
    try {
      const page = await browser.newPage();
      const elsewhere: string[] = [];
      page.on("request", (request) => {
        if (!request.url().startsWith(server.origin) && !/^(?:data|blob):/u.test(request.url())) elsewhere.push(request.url());
      });
      await page.goto(`${server.origin}/app/index.html`);
      await page.waitForFunction(() => globalThis.embed !== undefined);
      const { threads, values } = await page.evaluate(() => globalThis.embed());
      const greatest = values.reduce((found, value, i) => Math.max(found, Math.abs(value - (expected[i] ?? Number.NaN))), 0);
      expect(greatest).toBeLessThan(1e-5);
      expect(threads).toEqual([2, 2]);
      expect(elsewhere).toEqual([]);
      if (wasmPaths === undefined) expect(server.sent("/ort/").answers).toBe(0);
      expect(server.answers.filter(({ path }) => path.includes("asyncify"))).toEqual([]);
      await page.close();
    } finally {
      await server.stop();
    }
  });
});
