import { fileURLToPath } from "node:url";
import { defineConfig, type ViteUserConfig } from "vitest/config";

/** Whether tests run that take long for what they are likely to find: `pnpm test:all`, and so CI. They are in files named `*.slow.test.ts`. */
const runsSlowTests = process.env["CHINESE_CLIP_TESTS"] === "all";

/**
 * Every package's test run: results in `.test/` (turbo caches them, the root run adds them up). Coverage is measured where `--coverage` asks for it: with V8
 * counting, the same tests take two thirds more processor time.
 */
const config: ViteUserConfig = defineConfig({
  test: {
    include: ["test/**/*.test.ts"],
    exclude: runsSlowTests ? [] : ["test/**/*.slow.test.ts"],
    passWithNoTests: !runsSlowTests, // a package whose tests are all slow
    // The default run shares one process, which loads ONNX Runtime and the sources once; with the slow tests each file has its own, so that none can
    // depend on another.
    isolate: runsSlowTests,
    setupFiles: [fileURLToPath(new URL("vitest.setup.ts", import.meta.url))],
    reporters: ["default", "json"],
    outputFile: { json: ".test/results.json" },
    // What hangs is ended; a machine that is shared takes its time.
    testTimeout: 120_000,
    hookTimeout: 120_000,
    coverage: {
      provider: "v8",
      include: ["src/**"],
      reporter: ["text-summary", "json-summary"],
      reportsDirectory: ".test/coverage",
    },
  },
});

export default config;
