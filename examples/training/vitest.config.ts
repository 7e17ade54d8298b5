import { mergeConfig, type ViteUserConfig } from "vitest/config";
import base from "../../vitest.base.js";

// The example runs as a process of its own, which v8's coverage does not see.
const config: ViteUserConfig = mergeConfig(base, { test: { coverage: { enabled: false } } });

export default config;
