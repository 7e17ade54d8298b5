/** The rules of ARCHITECTURE.md as functions over a {@link SourceTree}: each gives the arrows that break it, as texts; none is right. */
import { isBuiltin } from "node:module";
import type { SourceTree } from "./source-tree.js";

/**
 * A package's floors, the ground floor first: names of files and folders directly below its `src`. What stands on a floor may import its own
 * folder and the floors below; two names of one floor know nothing of each other. `"*"` is every file that is named nowhere.
 */
export type Floors = readonly (readonly string[])[];

/** Imports that go up a floor, or across one; and names that the table has and the tree has not, or the other way round. */
export function upwardArrows(tree: SourceTree, floors: Floors): string[] {
  const nameOf = (file: string): string => file.split("/")[0] as string;
  const floorOf = (file: string): number => {
    const own = floors.findIndex((names) => names.includes(nameOf(file)));
    return own >= 0 || file.includes("/") ? own : floors.findIndex((names) => names.includes("*"));
  };
  const present = new Set([...tree.keys()].map(nameOf));
  const stale = floors.flat().filter((name) => name !== "*" && !present.has(name));
  const arrows = [...tree].flatMap(([file, imports]) =>
    imports.flatMap(({ file: imported }) => {
      if (imported === undefined || !tree.has(imported)) return [];
      const [from, to] = [floorOf(file), floorOf(imported)];
      const sameRoom = nameOf(file) === nameOf(imported) || (from === to && !file.includes("/") && !imported.includes("/"));
      return to < from || sameRoom ? [] : [`${file} -> ${imported}`];
    }),
  );
  const homeless = [...present].filter((name) => floorOf(tree.has(name) ? name : `${name}/`) < 0);
  return [...arrows, ...homeless.map((name) => `${name}: on no floor`), ...stale.map((name) => `${name}: not there`)].toSorted();
}

/** Cycles of files, one for each group of files that reach each other, type imports included. */
export function fileCycles(tree: SourceTree): string[] {
  const index = new Map<string, number>();
  const lowest = new Map<string, number>();
  const open: string[] = [];
  const cycles: string[] = [];
  // Tarjan's strongly connected components.
  const visit = (file: string): void => {
    index.set(file, index.size);
    lowest.set(file, index.get(file) as number);
    open.push(file);
    for (const { file: next } of tree.get(file) ?? []) {
      if (next === undefined || !tree.has(next)) continue;
      if (!index.has(next)) visit(next);
      else if (!open.includes(next)) continue;
      lowest.set(file, Math.min(lowest.get(file) as number, lowest.get(next) as number));
    }
    if (lowest.get(file) !== index.get(file)) return;
    const component = open.splice(open.indexOf(file));
    const importsItself = (tree.get(file) ?? []).some(({ file: next }) => next === file);
    if (component.length > 1 || importsItself) cycles.push(component.toSorted().join(" <-> "));
  };
  for (const file of tree.keys()) if (!index.has(file)) visit(file);
  return cycles.toSorted();
}

/** Built-in modules of Node that are reached from an entry, with the file that imports each. */
export function builtinsReachedFrom(tree: SourceTree, entry: string): string[] {
  const reached = new Set([entry]);
  for (const file of reached) {
    for (const { file: next } of tree.get(file) ?? []) if (next !== undefined && tree.has(next)) reached.add(next);
  }
  return [...reached].flatMap((file) =>
    (tree.get(file) ?? []).filter(({ specifier }) => isBuiltin(specifier)).map(({ specifier }) => `${file} -> ${specifier}`),
  );
}

/**
 * Imports that reach into a package: by a path out of the importer's own folder, or by a subpath that the package does not publish.
 *
 * @param folders - the workspaces' folders in the tree, each without a slash at the end.
 * @param published - package name to its published subpaths, `.` for the name alone.
 * @param shared - files outside all workspaces that anyone may import.
 */
export function insideImports(
  tree: SourceTree,
  folders: readonly string[],
  published: Readonly<Record<string, readonly string[]>>,
  shared: RegExp,
): string[] {
  const homeOf = (file: string): string | undefined =>
    folders.filter((folder) => file.startsWith(`${folder}/`)).toSorted((a, b) => b.length - a.length)[0];
  return [...tree].flatMap(([file, imports]) =>
    imports.flatMap(({ specifier, file: imported }) => {
      if (imported !== undefined) return homeOf(imported) === homeOf(file) || shared.test(imported) ? [] : [`${file} -> ${imported}`];
      const [, name = "", subpath = ""] = /^((?:@[^/]+\/)?[^/]+)(\/.*)?$/.exec(specifier) ?? [];
      return Object.hasOwn(published, name) && !published[name]?.includes(`.${subpath}`) ? [`${file} -> ${specifier}`] : [];
    }),
  );
}
