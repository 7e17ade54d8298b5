/** What the package weighs and depends on. */
import { readFileSync } from "node:fs";
import { createRequire } from "node:module";
import { fileURLToPath } from "node:url";
import { gzipSync } from "node:zlib";
import { expect, test } from "vitest";

interface Esbuild {
  build(options: object): Promise<{ outputFiles: { contents: Uint8Array; text: string }[] }>;
}

// The bundler that the build already brings along.
const require = createRequire(import.meta.url);
const esbuild = createRequire(require.resolve("tsup"))("esbuild") as Esbuild;

const manifest = JSON.parse(readFileSync(new URL("../package.json", import.meta.url), "utf8")) as { dependencies: object };

test("onnxruntime-common is the only dependency", () => {
  expect(Object.keys(manifest.dependencies)).toEqual(["onnxruntime-common"]);
});

// 9.0 kB until added tokens were found with all of their flags and in both flavours, and tokenizer.json was read as others write it; 9.8 kB until the
// ids beside its special tokens were checked; 9.9 kB until a batch beyond memory and a vocabulary that is null were errors.
test("everything together is at most 10 kB, of which onnxruntime-common's Tensor is 4.2 kB", async () => {
  const entry = fileURLToPath(new URL("../src/index.ts", import.meta.url));
  const { outputFiles } = await esbuild.build({
    entryPoints: [entry],
    bundle: true,
    minify: true,
    format: "esm",
    platform: "neutral",
    mainFields: ["module", "main"],
    write: false,
  });
  const [file] = outputFiles;
  if (file === undefined) throw new Error("esbuild wrote nothing");
  expect(gzipSync(file.contents, { level: 9 }).length).toBeLessThanOrEqual(10_000);
  expect(file.text).not.toMatch(/from\s*"|require\(|\bfetch\(/);
});
