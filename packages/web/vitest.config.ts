import { mergeConfig, type ViteUserConfig } from "vitest/config";
import base from "../../vitest.base.js";

// The subject runs in a browser, where there is no coverage to measure from here. Two browsers at a time, even where there are more cores: each
// takes several, and their tests have timeouts.
const config: ViteUserConfig = mergeConfig(base, {
  test: { coverage: { enabled: false }, maxWorkers: 2 },
});

export default config;
