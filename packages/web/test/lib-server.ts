/**
 * The server of most tests: the page gets this package and the parts that it is made of, so that both can be asked.
 */
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { build } from "esbuild";
import type { Browser, Page } from "playwright-core";
import type { resize } from "@chinese-clip/image-processor";
import { openPage } from "./lib-page.js";
import { ModelServer, type ServerOptions } from "@chinese-clip/browser";

/** Starts a server whose page has `parts` besides `lib`. */
export async function startWithParts(options: ServerOptions = {}): Promise<{ server: ModelServer; stop: () => Promise<void> }> {
  const folder = await mkdtemp(join(tmpdir(), "chinese-clip-web-"));
  await build({
    stdin: {
      contents: `export { resize } from "@chinese-clip/image-processor";`,
      resolveDir: fileURLToPath(new URL(".", import.meta.url)),
    },
    bundle: true,
    format: "esm",
    platform: "browser",
    outfile: join(folder, "parts.js"),
    logLevel: "silent",
  });
  await writeFile(join(folder, "empty.html"), "<!doctype html>");
  const server = await ModelServer.start({ ...options, folders: { "/parts/": folder, ...options.folders } });
  return {
    server,
    stop: async () => {
      await server.stop();
      await rm(folder, { recursive: true });
    },
  };
}

/** Opens a page with `lib` and `parts`. */
export async function openPageWithParts(browser: Browser, server: ModelServer): Promise<Page> {
  const page = await openPage(browser, server.origin);
  await page.addScriptTag({ type: "module", content: `import * as parts from "/parts/parts.js"; globalThis.parts = parts;` });
  await page.waitForFunction(() => globalThis.parts !== undefined);
  return page;
}

declare global {
  /** What the packages that this one is made of export, and this one does not. */
  var parts: { readonly resize: typeof resize };
}
