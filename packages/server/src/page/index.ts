/**
 * The search page at `/`: what `createHandler` takes as `page`. Its sources are in `page/` of the repository, and its files are texts of this module,
 * so it works wherever the package is bundled to.
 */
import type { PageFile } from "../options.js";
import { FILES } from "./page-files.js";

/** The page's files, by path. Together about 25 kB compressed; they make no request to any other server. */
export const searchPage: Readonly<Record<string, PageFile>> = FILES;
