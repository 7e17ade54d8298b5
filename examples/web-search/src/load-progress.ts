/**
 * How far a download is, over all of its files: ONNX Runtime and the weights of the towers that are loaded.
 */
import type { LoadProgress } from "@chinese-clip/web";

/** Bytes of all files together. */
export interface Download {
  readonly loaded: number;
  /** Undefined while it is not known which files are still to come. */
  readonly total: number | undefined;
  /** In [0, 1], never decreasing; undefined as `total` is. */
  readonly fraction: number | undefined;
}

/** Adds up the events of one load. */
export class DownloadMeter {
  readonly #files: Map<string, { readonly loaded: number; readonly total: number }> = new Map();
  #fraction = 0;

  /** @returns the state after an event; undefined where the event says nothing of bytes. */
  take(event: LoadProgress): Download | undefined {
    if (event.status !== "progress") return undefined;
    const { file, loaded, total } = event;
    const before = this.#files.get(file);
    // A second tower's worker reads ONNX Runtime from the browser's cache; its bytes have been counted.
    if (before === undefined || loaded >= before.loaded) this.#files.set(file, { loaded, total });
    const files = [...this.#files];
    const sum = (part: "loaded" | "total"): number => files.reduce((bytes, [, counts]) => bytes + counts[part], 0);
    // Both are under way from the beginning, but a header has to be read before the weights' size is known.
    const areKnown = files.some(([name]) => name.endsWith(".wasm")) && files.some(([name]) => !name.endsWith(".wasm"));
    if (!areKnown) return { loaded: sum("loaded"), total: undefined, fraction: undefined };
    this.#fraction = Math.max(this.#fraction, sum("loaded") / Math.max(1, sum("total")));
    return { loaded: sum("loaded"), total: sum("total"), fraction: this.#fraction };
  }
}
