/** Bundlers for servers, with the settings that `docs/recipes` gives. */
import { node, type Outcome } from "@chinese-clip/consumer";
import { copyFile, mkdir, readdir, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { beforeAll, describe, expect, it } from "vitest";
import { EXPECTED, program, useProject } from "./project.js";

const LIMIT = 120_000;
const project = useProject("esbuild@0.28.2", "webpack@5.113.0", "vite@8.4.0");
const ENTRY = "main.mjs";

beforeAll(() => writeFile(join(project(), ENTRY), `import { ChineseCLIP } from "@chinese-clip/node";\n${program}`));

/** Runs a script of the project that bundles; it has to succeed. */
async function bundle(script: string): Promise<void> {
  const name = `bundle-${Math.random().toString(36).slice(2)}.mjs`;
  await writeFile(join(project(), name), script);
  expect(await node(project(), name)).toMatchObject({ code: 0 });
}

/** Bundles with esbuild. */
function esbuild(outfile: string, options: Readonly<Record<string, unknown>>): Promise<void> {
  const all = { entryPoints: [ENTRY], bundle: true, platform: "node", format: "esm", logLevel: "warning", outfile, ...options };
  return bundle(`import { build } from "esbuild";\nawait build(${JSON.stringify(all)});`);
}

const NATIVE = ["onnxruntime-node", "sharp"];

describe("B3 bundlers", () => {
  it("esbuild, the package external", async () => {
    await esbuild("external/main.mjs", { external: ["@chinese-clip/node"] });
    expect(await node(project(), join("external", "main.mjs"))).toMatchObject({ code: 0, stdout: EXPECTED });
  });

  it("esbuild, everything but native modules in one file: the error says what is missing and what to do", async () => {
    await esbuild("alone/main.mjs", { external: NATIVE });
    const { code, stderr } = await node(project(), join("alone", "main.mjs"));
    expect(code).not.toBe(0);
    expect(stderr).toMatch(/expected the file .*-worker\.cjs, got none\. If a bundler left it out: keep @chinese-clip\/node external/);
  });

  it("esbuild, the threads' files copied beside the bundle", async () => {
    await esbuild("copied/main.mjs", { external: NATIVE });
    const dist = join(project(), "node_modules", "@chinese-clip", "node", "dist");
    const threads = (await readdir(dist)).filter((name) => name.endsWith(".cjs"));
    await Promise.all(threads.map((name) => copyFile(join(dist, name), join(project(), "copied", name))));
    expect(await node(project(), join("copied", "main.mjs"))).toMatchObject({ code: 0, stdout: EXPECTED });
  });

  it("esbuild, CommonJS: the error says that a bundle must be an ES module", async () => {
    const inFunction = `import { ChineseCLIP } from "@chinese-clip/node";\nexport const main = async () => {${program}\n};\nvoid main();`;
    await writeFile(join(project(), "function.mjs"), inFunction);
    await esbuild("commonjs/main.cjs", { entryPoints: ["function.mjs"], external: NATIVE, format: "cjs", logLevel: "error" });
    const { code, stderr } = await node(project(), join("commonjs", "main.cjs"));
    expect(code).not.toBe(0);
    expect(stderr).toContain("expected to lie in an ES module, got CommonJS");
  });

  it.each([
    ["the package bundled, native modules external", NATIVE],
    ["the package external", ["@chinese-clip/node"]],
  ])(
    "webpack, %s",
    async (name, external) => {
      const folder = name.replaceAll(/\W+/g, "-");
      await mkdir(join(project(), folder));
      const externals = Object.fromEntries(external.map((module) => [module, `module ${module}`]));
      await bundle(`
        import webpack from "webpack";
        const options = {
          mode: "development", devtool: false, target: "node20", entry: "./${ENTRY}", experiments: { outputModule: true },
          output: { path: ${JSON.stringify(join(project(), folder))}, filename: "main.mjs", module: true, chunkFormat: "module" },
          externals: ${JSON.stringify(externals)},
        };
        await new Promise((resolve, reject) => webpack(options, (error, stats) => (error ?? stats.hasErrors() ? reject(error ?? stats.toString()) : resolve())));`);
      expect((await node(project(), join(folder, "main.mjs"))) satisfies Outcome).toMatchObject({ code: 0, stdout: EXPECTED });
    },
    LIMIT,
  );

  it("Vite, built for a server", async () => {
    await bundle(
      `import { build } from "vite";\nawait build({ logLevel: "warn", build: { ssr: ${JSON.stringify(ENTRY)}, outDir: "vite" } });`,
    );
    expect(await node(project(), join("vite", "main.js"))).toMatchObject({ code: 0, stdout: EXPECTED });
  });
});
