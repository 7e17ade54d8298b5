/**
 * Images into the index, one after the other; more may be added while it works.
 */
import type { ChineseCLIP } from "@chinese-clip/web";
import type { Indexing, UnreadableReason } from "./app-state.js";
import { idOf } from "./content-id.js";
import type { ImageLibrary, LibraryImage } from "./image-library.js";
import { createThumbnail, type Thumbnail } from "./thumbnail.js";

/** Images that go through the model together: few, so that they appear soon. */
const BATCH_SIZE = 4;

/** What an {@link Indexer} tells. */
export interface IndexerListeners {
  /** Whether the index has an image already. */
  readonly knows: (id: string) => boolean;
  /** An image is in the index; `imageMs` is the average of this run. */
  readonly onImage: (image: LibraryImage, imageMs: number) => void;
  readonly onUnreadable: (name: string, reason: UnreadableReason) => void;
  /** Undefined when all is done. */
  readonly onProgress: (progress: Indexing | undefined) => void;
  readonly onProblem: (error: unknown) => void;
}

/** A file on its way through the model. */
interface Taken {
  readonly id: string;
  readonly file: File;
  /** Undefined where the browser cannot decode it. */
  readonly preview: Promise<Thumbnail | undefined>;
}

/** A queue of files, and who works on it. */
export class Indexer {
  readonly #clip: ChineseCLIP;
  readonly #library: ImageLibrary;
  readonly #model: string;
  readonly #listeners: IndexerListeners;
  #waiting: File[] = [];
  #running: AbortController | undefined;
  #done = 0;
  #total = 0;

  /** @param model - the key of its images in the library. */
  constructor(clip: ChineseCLIP, library: ImageLibrary, model: string, listeners: IndexerListeners) {
    this.#clip = clip;
    this.#library = library;
    this.#model = model;
    this.#listeners = listeners;
  }

  /** Adds files; resolves when the queue is empty, or at once where somebody works on it already. */
  async add(files: readonly File[]): Promise<void> {
    this.#waiting.push(...files);
    this.#total += files.length;
    if (this.#running !== undefined || files.length === 0) {
      if (files.length > 0) this.#report();
      return;
    }
    const running = (this.#running = new AbortController());
    // Whoever has images here wants to find them again.
    void navigator.storage.persist();
    try {
      // What was added while the last images were in the model has its turn, too.
      while (this.#waiting.length > 0 && !running.signal.aborted) await this.#run(running.signal);
    } catch (error) {
      if (!running.signal.aborted) this.#listeners.onProblem(error);
    } finally {
      // After a stop the queue may have its next run already.
      if (this.#running === running) this.#end();
    }
  }

  /** Leaves out what waits. */
  stop(): void {
    this.#running?.abort();
    this.#waiting = [];
    this.#end();
  }

  async #run(signal: AbortSignal): Promise<void> {
    const started = performance.now();
    this.#report();
    for await (const result of this.#clip.embedImages(this.#take(signal), { imageOf: ({ file }) => file, batchSize: BATCH_SIZE, signal })) {
      const { id, file, preview } = result.input;
      const thumbnail = await preview;
      if ("error" in result) this.#listeners.onUnreadable(file.name, reasonOf(result.error));
      else if (thumbnail === undefined) this.#listeners.onUnreadable(file.name, "unreadable");
      else {
        const { blob, width, height } = thumbnail;
        const facts = { path: file.webkitRelativePath || file.name, bytes: file.size, modifiedAt: file.lastModified, width, height };
        const embedding = new Float32Array(result.embedding);
        const image = await this.#library.add(this.#model, { id, name: file.name, ...facts, thumbnail: blob, embedding });
        signal.throwIfAborted();
        this.#listeners.onImage(image, (performance.now() - started) / (result.index + 1));
      }
      this.#advance();
    }
  }

  /** The files whose turn it is, those left out that are in the index, or were in the queue before. */
  async *#take(signal: AbortSignal): AsyncGenerator<Taken> {
    const seen = new Set<string>();
    for (let file = this.#waiting.shift(); file !== undefined; file = this.#waiting.shift()) {
      const id = await idOf(file);
      signal.throwIfAborted();
      if (id !== undefined && (seen.has(id) || this.#listeners.knows(id))) {
        this.#advance();
        continue;
      }
      if (id === undefined) {
        this.#listeners.onUnreadable(file.name, "gone");
        this.#advance();
        continue;
      }
      seen.add(id);
      // Made while the model is busy; one that cannot be made is noticed when its turn comes.
      yield { id, file, preview: createThumbnail(file).catch(() => undefined) };
    }
  }

  #advance(): void {
    this.#done++;
    this.#report();
  }

  #report(): void {
    this.#listeners.onProgress({ done: this.#done, total: this.#total });
  }

  #end(): void {
    this.#running = undefined;
    this.#done = 0;
    this.#total = 0;
    this.#listeners.onProgress(undefined);
  }
}

const REASONS: readonly UnreadableReason[] = ["too-large", "truncated", "unknown-format", "out-of-resources"];

function reasonOf(error: unknown): UnreadableReason {
  const code = typeof error === "object" && error !== null && "code" in error ? error.code : undefined;
  return REASONS.find((reason) => reason === code) ?? "unreadable";
}
