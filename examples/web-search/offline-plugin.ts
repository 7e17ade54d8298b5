/**
 * Builds a service worker that knows the names of all files of the build.
 */
import type { Plugin } from "vite";

/** What the service worker's source calls the list of files. */
const PLACEHOLDER = "FILES_OF_THE_BUILD";

/** Emits `service-worker.js`, in which {@link PLACEHOLDER} is the list of the other files. @param source - of the service worker. */
export function offline(source: string): Plugin {
  let reference = "";
  return {
    name: "offline",
    apply: "build",
    buildStart() {
      reference = this.emitFile({ type: "chunk", id: source, fileName: "service-worker.js" });
    },
    generateBundle: {
      order: "post",
      handler(_, bundle) {
        const worker = bundle[this.getFileName(reference)];
        if (worker?.type !== "chunk") return this.error("offline: expected the service worker to be a chunk of its own");
        const files = Object.keys(bundle).filter((name) => name !== worker.fileName && !name.endsWith(".map"));
        worker.code = worker.code.replace(PLACEHOLDER, JSON.stringify([...files].sort()));
        return undefined;
      },
    },
  };
}
