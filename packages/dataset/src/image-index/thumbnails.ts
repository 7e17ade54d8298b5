/** Thumbnails of an index: `thumbnails/ab/<sha256>.webp`, by the content of the image, so that copies share one. */
import { readdir, readFile, rm, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { stageFile } from "@chinese-clip/pipeline/node";

const CONTENT = /^[0-9a-f]{64}$/;

/** The thumbnails of one index. */
export class Thumbnails {
  readonly #folder: string;

  constructor(index: string) {
    this.#folder = join(index, "thumbnails");
  }

  /** Writes one, whole or not at all. */
  async put(sha256: string, webp: Uint8Array): Promise<void> {
    const file = this.#fileOf(sha256);
    if (file !== undefined) await stageFile(file, (part) => writeFile(part, webp));
  }

  /** A WebP file; undefined where there is none. */
  async get(sha256: string): Promise<Uint8Array | undefined> {
    const file = this.#fileOf(sha256);
    return file === undefined ? undefined : readFile(file).catch(() => undefined);
  }

  /** Removes those of other contents. */
  async retain(contents: ReadonlySet<string>): Promise<void> {
    for (const name of await readdir(this.#folder).catch(() => [])) {
      const folder = join(this.#folder, name);
      for (const file of await readdir(folder).catch(() => [])) {
        const sha256 = /^([0-9a-f]{64})\.webp$/.exec(file)?.[1];
        if (sha256 !== undefined && !contents.has(sha256)) await rm(join(folder, file), { force: true });
      }
    }
  }

  #fileOf(sha256: string): string | undefined {
    return CONTENT.test(sha256) ? join(this.#folder, sha256.slice(0, 2), `${sha256}.webp`) : undefined;
  }
}
