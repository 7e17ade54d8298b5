/**
 * Tests run the sources, whose threads have no file that Node could start: `new URL("./x-worker.cjs", import.meta.url)` names the built one, which
 * `turbo run test` makes first.
 */
import { mergeConfig, type ViteUserConfig } from "vitest/config";
import base from "../../vitest.base.js";

const config: ViteUserConfig = mergeConfig(base, {
  plugins: [
    {
      name: "built-workers",
      enforce: "pre",
      transform: (code: string, id: string) =>
        id.includes("/node/src/") ? code.replaceAll('"./image-worker.cjs"', JSON.stringify(new URL("dist/image-worker.cjs", import.meta.url).href)) : undefined, // prettier-ignore
    },
  ],
});

export default config;
