import { mergeConfig, type ViteUserConfig } from "vitest/config";
import base from "../../vitest.base.js";

// A tool of other tests: the packages are what coverage is measured of.
const config: ViteUserConfig = mergeConfig(base, { test: { coverage: { enabled: false } } });

export default config;
