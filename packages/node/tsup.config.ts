import { rmSync } from "node:fs";
import { defineConfig } from "tsup";
import { base } from "../../tsup.base.js";

// Two builds go into one folder, so neither may clean it while the other writes.
rmSync(new URL("dist", import.meta.url), { recursive: true, force: true });

/** Marks a request for esbuild's own way of finding a package. */
const RESOLVING = Symbol("resolving");

export default defineConfig([
  { ...base, clean: false },
  {
    // One CommonJS file for each kind of thread. Loading the other packages, and Node's loader of ES modules itself, took a session's thread
    // longer than loading its graph; and a bundler that copies the file that `new URL(..., import.meta.url)` names copies all of it.
    ...base,
    platform: "node",
    clean: false,
    splitting: false,
    entry: {
      "session-worker": "src/session/session-worker.ts",
      "training-worker": "src/session/training-worker.ts",
      "image-worker": "src/image/image-worker.ts",
      "conversion-worker": "src/conversion-cache/conversion-worker.ts",
    },
    format: ["cjs"],
    noExternal: [/^@chinese-clip\//, "onnxruntime-common"],
    esbuildPlugins: [
      {
        // Of a package's file, what the thread uses is taken; what the rest of it imports is not.
        name: "unused-imports",
        setup: (build) => {
          build.onResolve({ filter: /^(?:@chinese-clip\/|onnxruntime-common$)/ }, async ({ path, pluginData, ...from }) => {
            if (pluginData === RESOLVING) return undefined;
            const resolved = await build.resolve(path, { ...from, pluginData: RESOLVING });
            return { ...resolved, sideEffects: false };
          });
        },
      },
    ],
    esbuildOptions: (options, context) => {
      base.esbuildOptions?.(options, context);
      options.supported = { "dynamic-import": false };
    },
  },
]);
