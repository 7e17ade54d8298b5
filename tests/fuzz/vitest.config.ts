import { mergeConfig, type ViteUserConfig } from "vitest/config";
import base from "../../vitest.base.js";

// The subjects are other packages' sources. A million cases take as long as they take: the watchdog ends a case that hangs.
const config: ViteUserConfig = mergeConfig(base, {
  test: { coverage: { enabled: false }, testTimeout: 24 * 3_600_000, fileParallelism: false },
});

export default config;
