/** The arrows of ARCHITECTURE.md: between packages, between the folders of each, and from the house's own programs to its packages. */
import { readFileSync, readdirSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { folderOf, manifestOf, packageFolders, PACKAGES, root } from "../packages.js";
import { builtinsReachedFrom, fileCycles, insideImports, upwardArrows } from "./arrows.js";
import { FLOORS, OUTSIDE, PACKAGE_FLOORS, RUNTIMES, UNFINISHED } from "./floors.js";
import { parseSourceTree, readSourceTree } from "./source-tree.js";

/** What anybody may read by its path: the house's base settings, the demo model, and packages that a benchmark installs for itself. */
const SHARED = /^[^/]+\.base\.ts$|^examples\/demo-checkpoint\/|\/node_modules\//;

const names = new Map(packageFolders().map((folder) => [manifestOf(folder).name, folder]));

it("the tables list every package", () => {
  expect(PACKAGE_FLOORS.flat().toSorted()).toEqual(packageFolders().toSorted());
  expect(Object.keys(FLOORS).toSorted()).toEqual(packageFolders().toSorted());
});

describe.each(Object.entries(FLOORS))("packages/%s", (folder, floors) => {
  const tree = readSourceTree(join(folderOf(folder), "src"));
  const specifiers = [...tree].flatMap(([file, imports]) => imports.map(({ specifier }) => ({ file, specifier })));
  const of = (specifier: string): string => /^(?:@[^/]+\/)?[^/]+/.exec(specifier)?.[0] ?? "";

  it("imports packages of the floors below its own", () => {
    const below = PACKAGE_FLOORS.slice(
      0,
      PACKAGE_FLOORS.findIndex((floor) => floor.includes(folder)),
    ).flat();
    const wrong = specifiers.filter(({ specifier }) => names.has(of(specifier)) && !below.includes(names.get(of(specifier)) as string));
    expect(wrong).toEqual([]);
  });

  it("imports other packages by what they publish", () => {
    expect(insideImports(tree, [], publishedSubpaths(), /^(?!\.\.)/)).toEqual([]);
  });

  it("leaves the runtimes to their own packages", () => {
    expect(specifiers.filter(({ specifier }) => (RUNTIMES[of(specifier)] ?? folder) !== folder)).toEqual([]);
  });

  it.skipIf(UNFINISHED.includes(folder))("has no import that goes up a floor", () => {
    expect(upwardArrows(tree, floors)).toEqual([]);
  });

  it.skipIf(UNFINISHED.includes(folder))("has no cycle of files", () => {
    expect(fileCycles(tree)).toEqual([]);
  });

  it.runIf(PACKAGES[folder]?.platformFree)("reaches no built-in of Node but from its entry for Node", () => {
    const entries = entriesOf(folder).filter((entry) => !entry.startsWith("node/"));
    expect(entries).not.toEqual([]);
    expect(entries.flatMap((entry) => builtinsReachedFrom(tree, entry))).toEqual([]);
  });
});

describe("benchmarks, examples and tools", () => {
  const tree = readSourceTree(root, OUTSIDE);
  const workspaces = workspaceFolders();

  it("import no package's inside", () => {
    expect(tree.size).toBeGreaterThan(50);
    expect(insideImports(tree, workspaces, publishedSubpaths(), SHARED)).toEqual([]);
  });

  it("have no cycle of files", () => {
    expect(fileCycles(tree)).toEqual([]);
  });
});

describe("the rules themselves", () => {
  const floors = [["errors.ts"], ["read", "write"], ["*"]];
  const good = {
    "errors.ts": ``,
    "read/read.ts": `import { A } from "../errors.js";\nimport { B } from "./bytes.js";`,
    "read/bytes.ts": `export const B = 1;`,
    "write/write.ts": `import type { A } from "../errors.js";`,
    "index.ts": `export { read } from "./read/read.js";\nexport * from "./write/write.js";`,
  };
  const breaking = (path: string, line: string): string[] => {
    const tree = parseSourceTree({ ...good, [path]: line });
    return [...upwardArrows(tree, floors), ...fileCycles(tree)];
  };

  it("let a tree pass that keeps them", () => {
    expect(breaking("errors.ts", "")).toEqual([]);
  });

  it.each([
    ["upwards", "errors.ts", `import { read } from "./read/read.js";`, "errors.ts -> read/read.ts"],
    ["upwards, by type", "read/bytes.ts", `import type { C } from "../index.js";`, "read/bytes.ts -> index.ts"],
    ["upwards, over lines", "errors.ts", `import {\n  a,\n  b,\n} from "./write/write.js";`, "errors.ts -> write/write.ts"],
    ["across", "write/write.ts", `export { B } from "../read/bytes.js";`, "write/write.ts -> read/bytes.ts"],
    ["on demand", "write/write.ts", `const { B } = await import("../read/bytes.js");`, "write/write.ts -> read/bytes.ts"],
    ["by a worker's address", "errors.ts", `new Worker(new URL("./read/bytes.js", import.meta.url));`, "errors.ts -> read/bytes.ts"],
    ["in a circle of two", "read/bytes.ts", `import { read } from "./read.js";`, "read/bytes.ts <-> read/read.ts"],
    ["to itself", "errors.ts", `import type { A } from "./errors.js";`, "errors.ts"],
    ["from a folder that stands on no floor", "other/a.ts", ``, "other: on no floor"],
  ])("catch an import %s", (_, path, line, arrow) => {
    expect(breaking(path, line)).toContain(arrow);
  });

  it("ignore what only a comment says", () => {
    expect(breaking("errors.ts", `/**\n * import { read } from "./read/read.js";\n */\n// import("./index.js")`)).toEqual([]);
  });

  it("catch a floor whose folder is gone", () => {
    expect(upwardArrows(parseSourceTree({ "index.ts": "" }), [["read"], ["*"]])).toEqual(["read: not there"]);
  });

  it("catch Node behind two imports", () => {
    const tree = parseSourceTree({
      "a.ts": `import "./b.js";`,
      "b.ts": `export { c } from "./c.js";`,
      "c.ts": `import { readFile } from "node:fs/promises";`,
      "d.ts": `import "node:os";`,
    });
    expect(builtinsReachedFrom(tree, "a.ts")).toEqual(["c.ts -> node:fs/promises"]);
  });

  it("catch a path into a package and a subpath that is not published", () => {
    const tree = parseSourceTree({
      "bench/src/a.ts": `import "../../packages/x/src/y.js";\nimport "@s/x/inner/y.js";\nimport "@s/x/sub";\nimport "@s/x";\nimport "../../vitest.base.js";`,
      "bench/test/a.test.ts": `import "../src/a.js";`,
    });
    expect(insideImports(tree, ["bench", "packages/x"], { "@s/x": [".", "./sub"] }, /^[^/]+\.base\.ts$/)).toEqual([
      "bench/src/a.ts -> packages/x/src/y.ts",
      "bench/src/a.ts -> @s/x/inner/y.js",
    ]);
  });
});

/** The sources that a package's published subpaths are built from. */
function entriesOf(folder: string): string[] {
  const exports = manifestOf(folder).exports as Readonly<Record<string, string | { readonly types: string }>>;
  return Object.values(exports).flatMap((target) =>
    typeof target === "string" ? [] : [target.types.replace("./dist/", "").replace(/\.d\.ts$/, ".ts")],
  );
}

function publishedSubpaths(): Record<string, string[]> {
  return Object.fromEntries([...names].map(([name, folder]) => [name, Object.keys(manifestOf(folder).exports ?? {})]));
}

/** Every folder below the root that has a package.json of its own, relative to the root. */
function workspaceFolders(): string[] {
  return [".", ...readdirSync(root, { withFileTypes: true }).flatMap((entry) => (entry.isDirectory() ? [entry.name] : []))]
    .filter((name) => !name.startsWith("."))
    .flatMap((name) => [name, ...readdirSync(join(root, name)).map((inner) => `${name}/${inner}`)])
    .filter((folder) => isPackage(folder));
}

function isPackage(folder: string): boolean {
  try {
    return readFileSync(join(root, folder, "package.json"), "utf8") !== "";
  } catch {
    return false;
  }
}
