import { mergeConfig, type ViteUserConfig } from "vitest/config";
import base from "../../vitest.base.js";

// The subject runs in a browser, where there is no coverage to measure from here.
const config: ViteUserConfig = mergeConfig(base, { test: { coverage: { enabled: false }, fileParallelism: false } });

export default config;
