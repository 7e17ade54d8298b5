/** The files that Vite makes of `page/`, by path. `page-plugin.ts` puts them here when the package is built; the source has none. */
import type { PageFile } from "../options.js";

/** The files. */
export const FILES: Readonly<Record<string, PageFile>> = {};
