import { mergeConfig, type ViteUserConfig } from "vitest/config";
import base from "../../vitest.base.js";

// The subjects are the built and packed packages, which run in processes of their own: there is no coverage to measure here.
const config: ViteUserConfig = mergeConfig(base, { test: { coverage: { enabled: false }, globalSetup: "test/pack-packages.ts" } });

export default config;
