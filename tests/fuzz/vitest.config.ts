import { defineConfig, mergeConfig } from "vitest/config";
import base from "../../vitest.base.js";

/**
 * As in the container: with all the memory of a large machine, V8 lets garbage grow to four times what is alive, and glibc, as it is set, keeps what was
 * freed in pieces, more of them for hours.
 */
const CONTAINER = {
  execArgv: ["--max-old-space-size=512"],
  env: { MALLOC_ARENA_MAX: "2", MALLOC_MMAP_THRESHOLD_: "131072", MALLOC_TRIM_THRESHOLD_: "131072" },
};

// The subjects are other packages' sources. A million cases take as long as they take: the watchdog ends a case that hangs.
export default defineConfig(({ mode }) =>
  mergeConfig(base, {
    test: {
      coverage: { enabled: false },
      testTimeout: 24 * 3_600_000,
      fileParallelism: false,
      isolate: true, // the soak asserts what its process keeps
      ...(mode === "soak" ? CONTAINER : {}),
    },
  }),
);
