/** Test runners whose modules have globals of their own: another `Error`, `Float32Array` and `process` than Node's own modules. */
import { node } from "@chinese-clip/consumer";
import { mkdir, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { runnerTest, useProject } from "./project.js";

/** Milliseconds, inside the runners too: their own five seconds are too few for a first load on a busy machine. */
const LIMIT = 120_000;
const project = useProject("jest@30.5.2", "vitest@4.1.12");

describe("B2 test runners with globals of their own", () => {
  it("Jest, as ES modules", { timeout: LIMIT }, async () => {
    const folder = join(project(), "jest");
    await mkdir(folder, { recursive: true });
    await writeFile(join(folder, "clip.test.js"), `import { ChineseCLIP } from "@chinese-clip/node";\n${runnerTest}`);
    await writeFile(join(folder, "package.json"), JSON.stringify({ type: "module", jest: { transform: {}, testTimeout: LIMIT } }));
    const outcome = await node(folder, "--experimental-vm-modules", join("..", "node_modules", "jest", "bin", "jest.js"));
    expect(outcome).toMatchObject({ code: 0, stderr: expect.stringContaining("1 passed") });
  });

  it.each(["forks", "threads", "vmForks", "vmThreads"])(
    "Vitest, pool %s",
    async (pool) => {
      const folder = join(project(), pool);
      await mkdir(folder);
      const imports = `import { expect, test } from "vitest";\nimport { ChineseCLIP } from "@chinese-clip/node";\n`;
      await writeFile(join(folder, "clip.test.js"), imports + runnerTest);
      const outcome = await node(
        project(),
        join("node_modules", "vitest", "vitest.mjs"),
        "run",
        "--root",
        folder,
        "--pool",
        pool,
        "--testTimeout",
        String(LIMIT),
      );
      expect(outcome).toMatchObject({ code: 0, stdout: expect.stringContaining("1 passed") });
    },
    LIMIT,
  );
});
