/** Bundlers for servers, with the settings that `docs/recipes` gives. */
import { node, type Outcome } from "@chinese-clip/consumer";
import { mkdir, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { beforeAll, describe, expect, it } from "vitest";
import { ENTRY, runScript } from "./bundle.js";
import { EXPECTED, program, useProject } from "./project.js";

const LIMIT = 120_000;
const project = useProject("webpack@5.113.0", "vite@8.4.0");

beforeAll(() => writeFile(join(project(), ENTRY), `import { ChineseCLIP } from "@chinese-clip/node";\n${program}`));

const NATIVE = ["onnxruntime-node", "sharp"];

describe("B3 bundlers", () => {
  it.each([
    ["the package bundled, native modules external", NATIVE],
    ["the package external", ["@chinese-clip/node"]],
  ])(
    "webpack, %s",
    async (name, external) => {
      const folder = name.replaceAll(/\W+/g, "-");
      await mkdir(join(project(), folder));
      const externals = Object.fromEntries(external.map((module) => [module, `module ${module}`]));
      await runScript(
        project(),
        `
        import webpack from "webpack";
        const options = {
          mode: "development", devtool: false, target: "node20", entry: "./${ENTRY}", experiments: { outputModule: true },
          output: { path: ${JSON.stringify(join(project(), folder))}, filename: "main.mjs", module: true, chunkFormat: "module" },
          externals: ${JSON.stringify(externals)},
        };
        await new Promise((resolve, reject) => webpack(options, (error, stats) => (error ?? stats.hasErrors() ? reject(error ?? stats.toString()) : resolve())));`,
      );
      expect((await node(project(), join(folder, "main.mjs"))) satisfies Outcome).toMatchObject({ code: 0, stdout: EXPECTED });
    },
    LIMIT,
  );

  it("Vite, built for a server", async () => {
    await runScript(
      project(),
      `import { build } from "vite";\nawait build({ logLevel: "warn", build: { ssr: ${JSON.stringify(ENTRY)}, outDir: "vite" } });`,
    );
    expect(await node(project(), join("vite", "main.js"))).toMatchObject({ code: 0, stdout: EXPECTED });
  });
});
