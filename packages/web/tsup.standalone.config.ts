import { defineConfig } from "tsup";
import { base } from "../../tsup.base.js";
import { entry } from "./entries.js";

/**
 * The same for a page without a bundler: what is imported comes along, ONNX Runtime's JavaScript included, since an import map does not reach
 * into workers. Only the `.wasm` file is not here.
 */
export default defineConfig({ ...base, entry, outDir: "dist/standalone", noExternal: [/./], minify: true, sourcemap: false });
