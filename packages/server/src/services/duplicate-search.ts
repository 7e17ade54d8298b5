/**
 * Duplicates of an index, found in the background: it takes as long as it takes, whatever the deadline of a request, and callers ask again. What was
 * found is used until the index changes.
 */
import { type DuplicateMeta, type DuplicateReport, findDuplicates, type VectorStore } from "@chinese-clip/search";
import type { NamedIndex } from "./indexes.js";

/** The minimum cosine of similar images. */
const SIMILAR_COSINE = 0.95;

/** Milliseconds for which a report is used: a store does not say that an item was replaced. */
const FRESH_MILLISECONDS = 300_000;

/** Milliseconds after which a search that nobody asks for ends. */
const PATIENCE = 20_000;

/** Milliseconds that a request waits for the report. */
const WAIT = 1500;

/** A search that has ended, or not yet. */
export type DuplicateProgress =
  | { readonly isComplete: true; readonly report: DuplicateReport<DuplicateMeta> }
  | { readonly isComplete: false; readonly done: number; readonly total: number };

/** One search. */
interface Run {
  readonly count: number;
  readonly began: number;
  readonly controller: AbortController;
  readonly report: Promise<DuplicateReport<DuplicateMeta>>;
  asked: number;
  done: number;
}

/** The searches of a server, at most one for each index and kind. */
export class DuplicateSearch {
  readonly #runs: Map<string, Run> = new Map();

  /**
   * Begins or continues a search.
   *
   * @param isSimilar - whether similar images are looked for, too, which takes longer.
   * @throws the signal's reason; what the store throws.
   */
  async ask(index: NamedIndex, isSimilar: boolean, signal: AbortSignal): Promise<DuplicateProgress> {
    const { count } = index.store.info;
    const key = JSON.stringify([index.name, isSimilar]);
    let run = this.#runs.get(key);
    if (run === undefined || run.count !== count || performance.now() - run.began > FRESH_MILLISECONDS) {
      run?.controller.abort();
      run = this.#begin(index, isSimilar, key);
    }
    run.asked = performance.now();
    let timer: ReturnType<typeof setTimeout> | undefined;
    const tooLong = new Promise<undefined>((resolve) => {
      timer = setTimeout(() => resolve(undefined), WAIT);
      signal.addEventListener("abort", () => resolve(undefined), { once: true });
    });
    try {
      const report = await Promise.race([run.report, tooLong]);
      signal.throwIfAborted();
      return report === undefined ? { isComplete: false, done: run.done, total: count } : { isComplete: true, report };
    } finally {
      clearTimeout(timer);
    }
  }

  /** Ends all searches, and forgets what was found. */
  clear(): void {
    for (const { controller } of this.#runs.values()) controller.abort();
    this.#runs.clear();
  }

  #begin({ store, sameImage }: NamedIndex, isSimilar: boolean, key: string): Run {
    const controller = new AbortController();
    const report = findDuplicates(store as VectorStore<DuplicateMeta>, {
      sameImage,
      similarCosine: isSimilar ? SIMILAR_COSINE : undefined,
      signal: controller.signal,
      onProgress: (done) => {
        run.done = done;
        if (performance.now() - run.asked > PATIENCE) controller.abort();
      },
    });
    const run: Run = { count: store.info.count, began: performance.now(), controller, report, asked: performance.now(), done: 0 };
    this.#runs.set(key, run);
    report.catch(() => {
      if (this.#runs.get(key) === run) this.#runs.delete(key);
    });
    return run;
  }
}
