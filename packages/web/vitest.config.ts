import { mergeConfig, type ViteUserConfig } from "vitest/config";
import base from "../../vitest.base.js";

// The subject runs in a browser, where there is no coverage to measure from here. One browser at a time: each takes all cores.
const config: ViteUserConfig = mergeConfig(base, {
  test: { coverage: { enabled: false }, fileParallelism: false, hookTimeout: 120_000, testTimeout: 120_000 },
});

export default config;
