import { mergeConfig, type ViteUserConfig } from "vitest/config";
import base from "../../vitest.base.js";

// The example runs as a process of its own, which v8's coverage does not see. Its one test is a slow one.
const config: ViteUserConfig = mergeConfig(base, { test: { coverage: { enabled: false }, passWithNoTests: true } });

export default config;
