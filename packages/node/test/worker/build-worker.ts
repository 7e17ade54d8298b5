import { fileURLToPath } from "node:url";
import { build } from "tsup";

const OUT = new URL("../../.test/workers/", import.meta.url);

/**
 * Compiles a worker's entry file, since Node runs no TypeScript in a thread, and gives its URL. It is built inside the package, so that its
 * dependencies resolve, and under its own folder, so that test files may run at the same time.
 */
export async function buildWorker(name: string, source: URL): Promise<URL> {
  await build({
    entry: { [name]: fileURLToPath(source) },
    outDir: fileURLToPath(new URL(`${name}/`, OUT)),
    format: "esm",
    target: "es2022",
    platform: "node",
    config: false,
    silent: true,
    splitting: false,
  });
  return new URL(`${name}/${name}.js`, OUT);
}
