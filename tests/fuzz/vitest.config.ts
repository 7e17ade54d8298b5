import { defineConfig, mergeConfig } from "vitest/config";
import base from "../../vitest.base.js";

// The subjects are other packages' sources. A million cases take as long as they take: the watchdog ends a case that hangs. The soak's heap is limited as
// V8 limits it in a container of 1 GB: with all the memory of a large machine, V8 lets garbage grow to four times what is alive.
export default defineConfig(({ mode }) =>
  mergeConfig(base, {
    test: {
      coverage: { enabled: false },
      testTimeout: 24 * 3_600_000,
      fileParallelism: false,
      execArgv: mode === "soak" ? ["--max-old-space-size=512"] : [],
    },
  }),
);
