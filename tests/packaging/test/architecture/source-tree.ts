/**
 * The imports of TypeScript sources, file by file, types included: what esbuild's graph leaves out. Statements are found as the formatter writes
 * them; comments are dropped first.
 */
import { existsSync, readdirSync, readFileSync } from "node:fs";
import { dirname, join, relative, resolve, sep } from "node:path";

/** One import of a file, by statement, `import()` or `new URL(…, import.meta.url)`. */
export interface SourceImport {
  /** As it is written: `./x.js`, `node:fs`, `@scope/name/subpath`. */
  readonly specifier: string;
  /** Relative imports: the imported file, relative to the tree's root with `/`, its source where that exists. */
  readonly file: string | undefined;
}

/** A file's path, relative to the tree's root with `/`, to its imports in order. */
export type SourceTree = ReadonlyMap<string, readonly SourceImport[]>;

const IGNORED = /(?:^|[\\/])(?:node_modules|dist|out|\.[^\\/]+|peers)(?:[\\/]|$)/;
const SOURCE = /(?<!\.d)\.(?:ts|mts|mjs|js)$/;
const IMPORTS = [
  /^(?:import|export)\b[^;"]*\bfrom "([^"]+)"/gm,
  /^import "([^"]+)"/gm,
  /\bimport\(\s*"([^"]+)"\s*[,)]/g,
  /\bnew URL\("(\.[^"]+\.(?:js|mjs|ts))", import\.meta\.url\)/g,
];

/** Reads every source file below `folder`, or below those of its subfolders that are named. */
export function readSourceTree(folder: string, subfolders: readonly string[] = ["."]): SourceTree {
  const paths = subfolders
    .filter((name) => existsSync(join(folder, name)))
    .flatMap((name) => readdirSync(join(folder, name), { recursive: true, encoding: "utf8" }).map((path) => join(folder, name, path)))
    .filter((path) => SOURCE.test(path) && !IGNORED.test(relative(folder, path)));
  return new Map(paths.toSorted().map((path) => [relativePath(folder, path), importsOf(folder, path)]));
}

/** A tree from texts: path to source. */
export function parseSourceTree(texts: Readonly<Record<string, string>>): SourceTree {
  return new Map(Object.entries(texts).map(([path, text]) => [path, specifiersOf(text).map((name) => resolveImport("/", path, name))]));
}

function importsOf(folder: string, path: string): SourceImport[] {
  return specifiersOf(readFileSync(path, "utf8")).map((specifier) => resolveImport(folder, relativePath(folder, path), specifier));
}

function resolveImport(folder: string, importer: string, specifier: string): SourceImport {
  if (!specifier.startsWith(".")) return { specifier, file: undefined };
  const path = relativePath(folder, resolve(folder, dirname(importer), specifier));
  return { specifier, file: /[\\/]dist[\\/]/.test(path) ? path : path.replace(/\.js$/, ".ts") };
}

function specifiersOf(text: string): string[] {
  const code = text.replaceAll(/^\s*(?:\/\/|\/?\*).*$/gm, "");
  return IMPORTS.flatMap((pattern) => [...code.matchAll(pattern)].map(([, specifier]) => specifier as string));
}

function relativePath(folder: string, path: string): string {
  return relative(folder, path).split(sep).join("/");
}
