import { defineConfig } from "tsup";
import { base } from "../../tsup.base.js";

export default defineConfig({
  ...base,
  entry: { index: "src/index.ts", formats: "src/formats/index.ts", "parquet-process": "src/parquet/decode-process.ts" },
});
