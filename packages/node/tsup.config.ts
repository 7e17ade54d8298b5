import { rmSync } from "node:fs";
import { defineConfig } from "tsup";
import { base } from "../../tsup.base.js";

// Two builds go into one folder, so neither may clean it while the other writes.
rmSync(new URL("dist", import.meta.url), { recursive: true, force: true });

export default defineConfig([
  {
    ...base,
    clean: false,
    entry: {
      index: "src/index.ts",
      "image-worker": "src/image/image-worker.ts",
      "conversion-worker": "src/conversion-cache/conversion-worker.ts",
    },
  },
  {
    // One CommonJS file: loading the other packages, and Node's loader of ES modules itself, took a session's thread longer than loading its graph.
    ...base,
    clean: false,
    splitting: false,
    entry: { "session-worker": "src/session/session-worker.ts" },
    format: ["cjs"],
    noExternal: [/^@chinese-clip\//, "onnxruntime-common"],
    esbuildPlugins: [
      {
        // Of the pipeline's file, what the thread uses is taken; what the rest of it imports is not loaded for nothing.
        name: "unused-imports",
        setup: (build) => {
          build.onResolve({ filter: /^(?:@chinese-clip\/(?:image-processor|model|tokenizer)|onnxruntime-common)$/ }, ({ path }) => ({
            path,
            external: true,
            sideEffects: false,
          }));
        },
      },
    ],
    esbuildOptions: (options, context) => {
      base.esbuildOptions?.(options, context);
      options.supported = { "dynamic-import": false };
    },
  },
]);
