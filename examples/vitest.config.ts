import { defineConfig, mergeConfig, type ViteUserConfig } from "vitest/config";
import base from "../vitest.base.js";

// The example runs as a process of its own, which v8's coverage does not see: a figure for the rest would mislead.
export default mergeConfig(base, defineConfig({ test: { coverage: { enabled: false } } })) as ViteUserConfig;
