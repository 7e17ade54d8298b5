/**
 * What a package's sources import. Values come from esbuild's own parse of every file, so that nothing hides behind formatting; imports of
 * types, which esbuild drops, come from the import statements as the formatter writes them.
 */
import { readFileSync } from "node:fs";
import { build } from "esbuild";
import { sourceFilesOf } from "./packages.js";

/** The packages and built-in modules that a package imports, without its own files: for values, and for types. */
export interface PackageImports {
  readonly values: ReadonlySet<string>;
  readonly types: ReadonlySet<string>;
}

/**
 * Scans the sources of the package in `packages/<packageFolder>`.
 *
 * @param include - which of them. Default: all.
 */
export async function importsOf(packageFolder: string, include: (file: string) => boolean = () => true): Promise<PackageImports> {
  const files = sourceFilesOf(packageFolder).filter(include);
  const { metafile } = await build({
    entryPoints: files,
    outdir: "unused",
    bundle: true,
    write: false,
    metafile: true,
    format: "esm",
    platform: "node",
    packages: "external",
    logLevel: "silent",
  });
  const imports = Object.values(metafile.inputs).flatMap((input) => input.imports);
  const statements = files.flatMap((file) => [
    ...readFileSync(file, "utf8").matchAll(/^(?:import|export)\b(?:[^;"]*\bfrom)? "([^"]+)";$/gm),
  ]);
  return {
    values: packagesOf(imports.filter(({ external }) => external).map(({ path }) => path)),
    types: packagesOf(statements.map(([, specifier]) => specifier as string).filter((specifier) => !specifier.startsWith("."))),
  };
}

/** `@a/b/c` and `b/c` to the package they are of; `node:fs` stays. */
function packagesOf(specifiers: readonly string[]): Set<string> {
  return new Set(
    specifiers.map((specifier) =>
      specifier.startsWith("node:")
        ? specifier
        : specifier
            .split("/")
            .slice(0, specifier.startsWith("@") ? 2 : 1)
            .join("/"),
    ),
  );
}
