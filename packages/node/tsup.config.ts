import { defineConfig } from "tsup";
import { base } from "../../tsup.base.js";

export default defineConfig({
  ...base,
  entry: {
    index: "src/index.ts",
    "image-worker": "src/image/image-worker.ts",
    "session-worker": "src/session/session-worker.ts",
    "tower-worker": "src/towers/tower-worker.ts",
  },
});
