/** esbuild for servers, with the settings that `docs/recipes` gives; other bundlers are in `bundlers.slow.test.ts`. */
import { node } from "@chinese-clip/consumer";
import { copyFile, readdir, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { beforeAll, describe, expect, it } from "vitest";
import { ENTRY, runScript } from "./bundle.js";
import { EXPECTED, program, useProject } from "./project.js";

const project = useProject("esbuild@0.28.2");

beforeAll(() => writeFile(join(project(), ENTRY), `import { ChineseCLIP } from "@chinese-clip/node";\n${program}`));

/** Bundles with esbuild. */
function esbuild(outfile: string, options: Readonly<Record<string, unknown>>): Promise<void> {
  const all = { entryPoints: [ENTRY], bundle: true, platform: "node", format: "esm", logLevel: "warning", outfile, ...options };
  return runScript(project(), `import { build } from "esbuild";\nawait build(${JSON.stringify(all)});`);
}

const NATIVE = ["onnxruntime-node", "sharp"];

describe("B3 esbuild", () => {
  it("the package external", async () => {
    await esbuild("external/main.mjs", { external: ["@chinese-clip/node"] });
    expect(await node(project(), join("external", "main.mjs"))).toMatchObject({ code: 0, stdout: EXPECTED });
  });

  it("everything but native modules in one file: the error says what is missing and what to do", async () => {
    await esbuild("alone/main.mjs", { external: NATIVE });
    const { code, stderr } = await node(project(), join("alone", "main.mjs"));
    expect(code).not.toBe(0);
    expect(stderr).toMatch(/expected the file .*-worker\.cjs, got none\. If a bundler left it out: keep @chinese-clip\/node external/);
  });

  it("the threads' files copied beside the bundle", async () => {
    await esbuild("copied/main.mjs", { external: NATIVE });
    const dist = join(project(), "node_modules", "@chinese-clip", "node", "dist");
    const threads = (await readdir(dist)).filter((name) => name.endsWith(".cjs"));
    await Promise.all(threads.map((name) => copyFile(join(dist, name), join(project(), "copied", name))));
    expect(await node(project(), join("copied", "main.mjs"))).toMatchObject({ code: 0, stdout: EXPECTED });
  });

  it("CommonJS: the error says that a bundle must be an ES module", async () => {
    const inFunction = `import { ChineseCLIP } from "@chinese-clip/node";\nexport const main = async () => {${program}\n};\nvoid main();`;
    await writeFile(join(project(), "function.mjs"), inFunction);
    await esbuild("commonjs/main.cjs", { entryPoints: ["function.mjs"], external: NATIVE, format: "cjs", logLevel: "error" });
    const { code, stderr } = await node(project(), join("commonjs", "main.cjs"));
    expect(code).not.toBe(0);
    expect(stderr).toContain("expected to lie in an ES module, got CommonJS");
  });
});
