import { defineConfig } from "tsup";
import { base } from "../../tsup.base.js";

export default defineConfig({
  ...base,
  entry: {
    index: "src/index.ts",
    conformance: "src/conformance/index.ts",
    node: "src/node/index.ts",
    pgvector: "src/pgvector/index.ts",
    remote: "src/remote/index.ts",
  },
});
