import { defineConfig, type ViteUserConfig } from "vitest/config";

/** Every package's test run: results in `.test/` (turbo caches them, the root run adds them up), coverage printed as text. */
const config: ViteUserConfig = defineConfig({
  test: {
    include: ["test/**/*.test.ts"],
    reporters: ["default", "json"],
    outputFile: { json: ".test/results.json" },
    testTimeout: 60_000,
    hookTimeout: 60_000,
    coverage: {
      enabled: true,
      provider: "v8",
      include: ["src/**"],
      reporter: ["text-summary", "json-summary"],
      reportsDirectory: ".test/coverage",
    },
  },
});

export default config;
