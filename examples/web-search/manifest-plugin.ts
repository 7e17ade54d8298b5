/**
 * Writes the demo checkpoint's `chinese-clip.json`, as `exportWeb` does: the page then requests no file that the folder does not have.
 */
import { createHash } from "node:crypto";
import type { Plugin } from "vite";

/** Emits the manifest of a folder of the build. @param folder - with `/` at its end. */
export function manifest(folder: string): Plugin {
  return {
    name: "manifest",
    apply: "build",
    generateBundle(_, bundle) {
      const files = Object.values(bundle).flatMap((file) => {
        if (file.type !== "asset" || !file.fileName.startsWith(folder)) return [];
        const bytes = Buffer.from(file.source);
        return [
          { name: file.fileName.slice(folder.length), bytes: bytes.length, sha256: createHash("sha256").update(bytes).digest("hex") },
        ];
      });
      this.emitFile({ type: "asset", fileName: `${folder}chinese-clip.json`, source: JSON.stringify({ format: 1, files }) });
    },
  };
}
