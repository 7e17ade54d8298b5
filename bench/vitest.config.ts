import { defineConfig, mergeConfig, type ViteUserConfig } from "vitest/config";
import base from "../vitest.base.js";

// Most of the benchmarks only run as benchmarks: a figure for the rest would mislead.
export default mergeConfig(base, defineConfig({ test: { coverage: { enabled: false } } })) as ViteUserConfig;
