/** Tests run the sources, whose thread has no file that Node could start: the built one is named in its place, which `turbo run test` makes first. */
import { mergeConfig, type ViteUserConfig } from "vitest/config";
import base from "../../vitest.base.js";

const config: ViteUserConfig = mergeConfig(base, {
  plugins: [
    {
      name: "built-thread",
      enforce: "pre",
      transform: (code: string, id: string) =>
        id.includes("/queue/src/") ? code.replaceAll('"./lock-thread.js"', JSON.stringify(new URL("dist/lock-thread.js", import.meta.url).href)) : undefined, // prettier-ignore
    },
  ],
});

export default config;
