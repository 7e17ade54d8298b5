import { defineConfig } from "tsup";
import { base } from "../../tsup.base.js";
import { searchPageFiles } from "./page-plugin.js";

export default defineConfig({
  ...base,
  entry: { index: "src/index.ts", node: "src/node/index.ts", page: "src/page/index.ts" },
  esbuildPlugins: [searchPageFiles],
});
