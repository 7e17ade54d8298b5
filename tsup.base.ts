import type { Options } from "tsup";

/** What every package's build shares: one ESM file per entry, dependencies left as imports; `tsc` writes the declarations. */
export const base: Options = {
  entry: ["src/index.ts"],
  format: ["esm"],
  target: "es2022",
  platform: "neutral",
  sourcemap: true,
  clean: true,
  dts: false,
  splitting: true,
  treeshake: false,
};
