import { defineConfig } from "tsup";
import { base } from "../../tsup.base.js";

export default defineConfig({
  ...base,
  entry: {
    index: "src/index.ts",
    classifier: "src/classifier/index.ts",
    node: "src/node/index.ts",
    vectors: "src/vectors/index.ts",
    "zero-shot": "src/zero-shot/index.ts",
  },
});
