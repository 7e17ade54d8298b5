/**
 * The script of the benchmark's page: keeps the loaded contestants, and runs them in turn when the benchmark asks.
 */
import { compare, type Rounds } from "../compare.js";
import { pixelValues } from "../inputs.js";
import { type ContestantSource, loadContestant, type PageEmbedder } from "./contestants.js";

/** What a run is: a text to an embedding, or an image, from pixel values or from a file's bytes. */
export type PageTask =
  | { readonly kind: "text"; readonly text: string }
  | { readonly kind: "pixels"; readonly side: number }
  | { readonly kind: "image"; readonly path: string };

/** What one contestant took, as {@link compare} reports it, with its embedding as plain numbers. */
export interface PageTiming {
  readonly name: string;
  readonly medianMs: number;
  readonly minMs: number;
  readonly maxMs: number;
  readonly rounds: number;
  readonly result: readonly number[];
}

/** What the page can be asked for. */
export interface BenchPage {
  /** Loads a contestant and keeps it under a name. @returns milliseconds. */
  load(name: string, source: ContestantSource): Promise<number>;
  /** Runs contestants alternately. */
  time(names: readonly string[], task: PageTask, rounds: Rounds): Promise<PageTiming[]>;
  /** Lets one contestant go. */
  dispose(name: string): Promise<void>;
}

const loaded = new Map<string, PageEmbedder>();

function contestant(name: string): PageEmbedder {
  const found = loaded.get(name);
  if (found === undefined) throw new Error(`page: expected one of ${[...loaded.keys()].join(", ")}, got ${name}`);
  return found;
}

/** The task with its input at hand, so that fetching it is no part of a run. */
async function prepare(task: PageTask): Promise<(embedder: PageEmbedder) => Promise<Float32Array>> {
  if (task.kind === "text") return (embedder) => embedder.embedText(task.text);
  if (task.kind === "image") {
    const image = await (await fetch(task.path)).blob();
    return (embedder) => embedder.embedImage(image);
  }
  const pixels = pixelValues(1, task.side);
  return (embedder) => embedder.embedPixels(pixels, task.side);
}

globalThis.bench = {
  async load(name, source) {
    const start = performance.now();
    loaded.set(name, await loadContestant(source));
    return performance.now() - start;
  },

  async time(names, task, rounds) {
    const run = await prepare(task);
    const timings = await compare(
      names.map((name) => ({ name, run: () => run(contestant(name)) })),
      rounds,
    );
    return timings.map((timing) => ({ ...timing, result: [...timing.result] }));
  },

  async dispose(name) {
    await contestant(name).dispose();
    loaded.delete(name);
  },
};

declare global {
  /** The page's side of the benchmark. */
  var bench: BenchPage;
}
