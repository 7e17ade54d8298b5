/**
 * Makes the built page a module: `src/page/page-files.ts` has the files that Vite makes of `page/`.
 */
import { fileURLToPath } from "node:url";
import type { Options } from "tsup";
import { build } from "vite";

/** Of each file's name. */
const TYPES: Readonly<Record<string, string>> = {
  html: "text/html; charset=utf-8",
  js: "text/javascript; charset=utf-8",
  css: "text/css; charset=utf-8",
  svg: "image/svg+xml",
};

/** Of the code that is in the page beside ours; minifying removes the comments that say so. */
const LICENSE = "/*! lit-html: Copyright Google LLC, BSD-3-Clause, https://github.com/lit/lit */\n";

/** The plugin. */
export const searchPageFiles: NonNullable<Options["esbuildPlugins"]>[number] = {
  name: "search-page-files",
  setup(builder) {
    builder.onLoad({ filter: /[/\\]page-files\.ts$/ }, async () => ({
      contents: `export const FILES = ${JSON.stringify(await buildPage())};`,
    }));
  },
};

/** The page's files by path. */
async function buildPage(): Promise<Record<string, { contentType: string; body: string; isImmutable: boolean }>> {
  const built = await build({
    root: fileURLToPath(new URL("page", import.meta.url)),
    configFile: false,
    logLevel: "warn",
    build: { write: false, target: "es2022", assetsInlineLimit: 0, modulePreload: { polyfill: false } },
  });
  if (!("output" in built)) throw new Error("search-page-files: expected one build");
  const files = built.output.map((file) => {
    const contentType = TYPES[/\w+$/.exec(file.fileName)?.[0] ?? ""];
    if (contentType === undefined) throw new Error(`search-page-files: expected a file of a known type, got ${file.fileName}`);
    const body =
      file.type === "chunk"
        ? `${LICENSE}${file.code}`
        : typeof file.source === "string"
          ? file.source
          : new TextDecoder().decode(file.source);
    const isPage = file.fileName === "index.html";
    return [isPage ? "/" : `/${file.fileName}`, { contentType, body, isImmutable: !isPage }] as const;
  });
  return Object.fromEntries(files);
}
