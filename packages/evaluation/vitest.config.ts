import { mergeConfig, type ViteUserConfig } from "vitest/config";
import base from "../../vitest.base.js";

// No test file leaves anything behind for the next: a process of its own for each is a third of their processor time.
const config: ViteUserConfig = mergeConfig(base, { test: { isolate: false } });

export default config;
