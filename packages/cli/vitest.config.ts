import { defineConfig, mergeConfig, type ViteUserConfig } from "vitest/config";
import base from "../../vitest.base.js";

// The templates lie among the sources, and coverage would take them for code.
export default mergeConfig(base, defineConfig({ test: { coverage: { exclude: ["src/templates/sets/**"] } } })) as ViteUserConfig;
