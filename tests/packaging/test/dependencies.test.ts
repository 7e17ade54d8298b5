/** Who may import whom: the dependency lists, exactly, and the directions of the design. */
import { execFile } from "node:child_process";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { createRequire, isBuiltin } from "node:module";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";
import { describe, expect, it } from "vitest";
import { importsOf } from "./imports.js";
import { folderOf, isNodePart, manifestOf, packageFolders, PACKAGES, root } from "./packages.js";

const run = promisify(execFile);
const globals = fileURLToPath(new URL("universal-globals.d.ts", import.meta.url));
const tsc = join(dirname(createRequire(import.meta.url).resolve("typescript/package.json")), "bin", "tsc");

it("lists every package", () => {
  expect(packageFolders().toSorted()).toEqual(Object.keys(PACKAGES).toSorted());
});

describe.each(Object.entries(PACKAGES))("%s", (folder, rule) => {
  const manifest = manifestOf(folder);
  const allowed = new Set([...Object.keys(rule.dependencies), ...Object.keys(rule.peerDependencies ?? {})]);

  it("declares exactly the dependencies that have a reason", () => {
    expect(Object.keys(manifest.dependencies ?? {}).toSorted()).toEqual(Object.keys(rule.dependencies).toSorted());
    expect(Object.keys(manifest.peerDependencies ?? {}).toSorted()).toEqual(Object.keys(rule.peerDependencies ?? {}).toSorted());
    expect(manifest.optionalDependencies ?? {}).toEqual({});
  });

  it("depends on packages above it only", () => {
    const above = Object.keys(PACKAGES).slice(0, Object.keys(PACKAGES).indexOf(folder));
    const own = [...allowed].filter((name) => name.startsWith("@chinese-clip/")).map((name) => name.slice("@chinese-clip/".length));
    expect(above).toEqual(expect.arrayContaining(own));
  });

  it("imports what it declares and nothing else, and declares nothing that it does not import", async () => {
    const { values, types } = await importsOf(folder);
    const imported = new Set([...values, ...types].filter((name) => !isBuiltin(name)));
    expect([...imported].toSorted()).toEqual([...allowed].toSorted());
  });

  it.runIf(rule.platformFree)("imports no module of Node", async () => {
    const { values, types } = await importsOf(folder, (file) => !isNodePart(folder, file));
    expect([...values, ...types].filter((name) => isBuiltin(name))).toEqual([]);
  });

  it.runIf(rule.platformFree)("names nothing that only Node or only browsers have", async () => {
    const temporary = await mkdtemp(join(tmpdir(), "chinese-clip-types-"));
    try {
      const config = {
        extends: join(root, "tsconfig.base.json"),
        // Its dependencies' declarations may name the DOM; only this package's own sources are in question.
        // A worker's library has the Fetch standard, and neither a page nor Node.
        compilerOptions: {
          lib: ["ES2023", "ESNext.Disposable", ...(rule.fetchStandard === true ? ["WebWorker"] : [])],
          types: [],
          skipLibCheck: true,
        },
        include: [join(folderOf(folder), "src"), ...(rule.fetchStandard === true ? [] : [globals])],
        exclude: [join(folderOf(folder), "src/node")],
      };
      await writeFile(join(temporary, "tsconfig.json"), JSON.stringify(config));
      const { stdout } = await run(process.execPath, [tsc, "-p", temporary]).catch((error: { stdout: string }) => error);
      expect(stdout).toBe("");
    } finally {
      await rm(temporary, { recursive: true });
    }
  });
});
