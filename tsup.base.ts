import type { Options } from "tsup";

/** What every package's build shares: one ESM file per entry, dependencies left as imports; `tsc` writes the declarations. */
export const base: Options = {
  entry: ["src/index.ts"],
  format: ["esm"],
  target: "es2022",
  platform: "neutral",
  sourcemap: true,
  // The sources are in the package, where the maps point; a second copy inside the maps made the tarballs over a third larger.
  esbuildOptions: (options) => {
    options.sourcesContent = false;
  },
  clean: true,
  dts: false,
  splitting: true,
  treeshake: false,
};
