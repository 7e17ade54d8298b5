/** Thumbnails that an index has none of, made of the images when they are asked for. The index is only read, so they are in memory, the latest of them. */
import { ImageError } from "@chinese-clip/node";
import { limitConcurrency } from "@chinese-clip/pipeline";

/** Bytes of thumbnails that are in memory, at most. */
const MAX_BYTES = 64 * 2 ** 20;

/** What a thumbnail counts beside its bytes: also those that cannot be made are remembered. */
const OVERHEAD = 512;

/** Images that are decoded at a time: few, since requests need the same threads. */
const AT_A_TIME = 2;

/** Makes a thumbnail of an image's file; undefined where there is none of it. */
export type MakeThumbnail = (file: string) => Promise<Uint8Array | undefined>;

/** The thumbnails of several indexes. */
export class MadeThumbnails {
  /** To be set before the first is asked for. */
  make: MakeThumbnail = () => Promise.resolve(undefined);
  readonly #made: Map<string, { readonly thumbnail: Promise<Uint8Array | undefined>; bytes: number }> = new Map();
  readonly #inTurn = limitConcurrency(AT_A_TIME);
  #bytes = 0;

  /**
   * The thumbnail of an image; undefined where its file is gone or cannot be decoded.
   *
   * @param content - what changes with the file's content.
   */
  async get(content: string, file: string): Promise<Uint8Array | undefined> {
    const found = this.#made.get(content);
    if (found !== undefined) {
      this.#made.delete(content);
      this.#made.set(content, found);
      return found.thumbnail;
    }
    const thumbnail = this.#inTurn(() => this.make(file)).catch((error: unknown) => {
      if (error instanceof ImageError) return undefined;
      this.#made.delete(content);
      throw error;
    });
    const entry = { thumbnail, bytes: OVERHEAD };
    this.#made.set(content, entry);
    this.#bytes += OVERHEAD;
    const made = await thumbnail;
    if (this.#made.get(content) === entry) {
      entry.bytes += made?.length ?? 0;
      this.#bytes += made?.length ?? 0;
      this.#trim();
    }
    return made;
  }

  #trim(): void {
    for (const [content, { bytes }] of this.#made) {
      if (this.#bytes <= MAX_BYTES) return;
      this.#made.delete(content);
      this.#bytes -= bytes;
    }
  }
}
