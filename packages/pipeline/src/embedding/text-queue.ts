/**
 * Texts of concurrent calls through the text tower together. The tower is as fast with thirty short texts as with ten calls of one, so calls that
 * wait while it is busy become one batch; there is no timer, and a call that finds the tower free starts at once.
 */
import { batchByLength, type TokenizedText } from "./text-batches.js";

/** Texts of one run of the tower, at most. */
const MAX_BATCH = 32;

/** Texts of waiting calls that are sorted by length together, at most. */
const MAX_GROUP = 256;

/** Runs the tower: one normalised row for each text, float32 `[texts.length, dim]`. */
export type RunTextTower = (texts: readonly TokenizedText[]) => Promise<Float32Array>;

/** A call that waits for its rows. */
interface Call {
  readonly texts: readonly TokenizedText[];
  readonly rows: Float32Array[];
  readonly signal: AbortSignal | undefined;
  readonly resolve: (rows: readonly Float32Array[]) => void;
  readonly reject: (error: unknown) => void;
  missing: number;
}

interface CallText {
  readonly call: Call;
  readonly place: number;
  readonly text: TokenizedText;
}

/** The calls of one text tower. */
export class TextQueue {
  readonly #runTower: RunTextTower;
  #waiting: Call[] = [];
  #isBusy = false;

  constructor(runTower: RunTextTower) {
    this.#runTower = runTower;
  }

  /** Whether texts are few enough to wait for other calls' texts. */
  static takes(texts: readonly TokenizedText[]): boolean {
    return texts.length <= MAX_BATCH;
  }

  /**
   * Embeds a few texts with those of other calls.
   *
   * @returns one row for each text.
   * @throws what the tower throws for these texts; the signal's reason.
   */
  embed(texts: readonly TokenizedText[], signal: AbortSignal | undefined): Promise<readonly Float32Array[]> {
    if (texts.length === 0) return Promise.resolve([]);
    return new Promise((resolve, reject) => {
      this.#waiting.push({ texts, rows: [], signal, resolve, reject, missing: texts.length });
      if (this.#isBusy) return;
      this.#isBusy = true;
      // Calls of the same turn of the event loop are all here once its microtasks have run.
      void Promise.resolve().then(() => this.#work());
    });
  }

  async #work(): Promise<void> {
    for (;;) {
      const group = this.#takeGroup();
      if (group.length === 0) break;
      const texts = group.flatMap((call) => call.texts.map((text, place): CallText => ({ call, place, text })));
      const lengths = texts.map(({ text }) => text.ids.length);
      for (const numbers of batchByLength(lengths, MAX_BATCH)) await this.#run(numbers.map((number) => texts[number] as CallText));
    }
    this.#isBusy = false;
  }

  /** The calls that waited longest, those whose signal has aborted left out. */
  #takeGroup(): Call[] {
    const calls: Call[] = [];
    let [count, taken] = [0, 0];
    for (const call of this.#waiting) {
      if (count + call.texts.length > MAX_GROUP) break;
      taken++;
      if (isOver(call)) continue;
      count += call.texts.length;
      calls.push(call);
    }
    this.#waiting = this.#waiting.slice(taken);
    return calls;
  }

  async #run(batch: readonly CallText[]): Promise<void> {
    const texts = batch.filter(({ call }) => !isOver(call));
    if (texts.length === 0) return;
    try {
      const data = await this.#runTower(texts.map(({ text }) => text));
      const dim = data.length / texts.length;
      for (const [i, { call, place }] of texts.entries()) {
        call.rows[place] = data.subarray(i * dim, (i + 1) * dim);
        if (--call.missing === 0) call.resolve(call.rows);
      }
    } catch (error) {
      const calls = new Set(texts.map(({ call }) => call));
      const [only] = calls;
      if (calls.size === 1 && only !== undefined) {
        only.missing = Infinity;
        only.reject(error);
        return;
      }
      // One call's texts must not fail another's.
      for (const call of calls) await this.#run(texts.filter((text) => text.call === call));
    }
  }
}

/** Whether nobody waits for a call's rows: it has failed, or its signal has aborted. */
function isOver(call: Call): boolean {
  if (call.signal?.aborted === true && call.missing !== Infinity) {
    call.missing = Infinity;
    call.reject(call.signal.reason);
  }
  return call.missing === Infinity;
}
