/**
 * How a step is computed within the machine's memory: in one graph, the fastest way, or block by block, in as large chunks as fit.
 */
import { availableMemory } from "node:process";
import type { ComputationSettings } from "../engine/computation.js";
import { planComputation } from "../engine/training-engine.js";
import { estimateMemory, type MemoryEstimate, type MemoryOptions } from "../memory/estimate.js";
import { TrainingError } from "../training-error.js";

/** Share of what is free that a run takes by itself: the rest is for its estimate's error and for what starts beside it. */
const SHARE = 0.85;

/** What of a plan is given. */
export interface GivenPlan {
  readonly chunk: number | undefined;
  readonly blocks: boolean | undefined;
  /** Bytes that the process may take; undefined: what is free. */
  readonly memory: number | undefined;
}

/** A plan that fits. */
export interface MemoryPlan {
  readonly chunk: number;
  readonly blocks: boolean;
  readonly estimate: MemoryEstimate;
  /** Bytes that the process may take. */
  readonly memory: number;
}

/**
 * Chooses the fastest plan that fits.
 *
 * @throws TrainingError - `not-enough-memory` with what would fit, or `no-batch-fits`.
 */
export function planMemory(settings: ComputationSettings, given: GivenPlan, options: (batch: number) => MemoryOptions): MemoryPlan {
  const memory = given.memory ?? SHARE * (availableMemory() + process.memoryUsage.rss());
  const estimateOf = (batch: number, chunk: number, blocks: boolean): MemoryEstimate =>
    estimateMemory(planComputation({ ...settings, batch, chunk, blocks }), options(batch));
  const { batch } = settings;
  let least: MemoryPlan | undefined;
  for (const [chunk, blocks] of candidates(batch, given)) {
    const estimate = estimateOf(batch, chunk, blocks);
    const plan = { chunk, blocks, estimate, memory };
    if (estimate.total <= memory) return plan;
    if (least === undefined || estimate.total < least.estimate.total) least = plan;
  }
  const needed = megabytes(least?.estimate.total ?? 0);
  const fitting = fittingPlan(batch, memory, estimateOf);
  if (fitting === undefined) {
    const parameters = megabytes(least?.estimate.parameters ?? 0);
    throw new TrainingError("no-batch-fits", { needed, available: megabytes(memory), parameters });
  }
  const { batch: fittingBatch, chunk: fittingChunk, total } = fitting;
  const details = { batch, needed, available: megabytes(memory), fittingBatch, fittingChunk, fittingMemory: megabytes(total) };
  throw new TrainingError("not-enough-memory", details);
}

/** Chunks and whether in blocks, from the fastest on. */
function candidates(batch: number, { chunk, blocks }: GivenPlan): (readonly [number, boolean])[] {
  const chunks = chunk === undefined ? halves(batch) : [chunk];
  const inBlocks = chunks.map((size) => [size, true] as const);
  const whole = [chunk ?? batch, false] as const;
  if (blocks === false) return chunks.map((size) => [size, false] as const);
  return blocks === true ? inBlocks : [whole, ...inBlocks];
}

/** A batch, and its divisors, each at most half of the one before. */
function halves(batch: number): number[] {
  const divisors = Array.from({ length: batch }, (_, i) => batch - i).filter((size) => batch % size === 0);
  const chosen: number[] = [];
  for (const size of divisors) if (size * 2 <= (chosen.at(-1) ?? 2 * size)) chosen.push(size);
  return chosen;
}

/** The largest batch that fits in blocks, and one of its smaller chunks that does. */
function fittingPlan(
  batch: number,
  memory: number,
  estimateOf: (batch: number, chunk: number, blocks: boolean) => MemoryEstimate,
): { readonly batch: number; readonly chunk: number; readonly total: number } | undefined {
  if (estimateOf(2, 1, true).total > memory) return undefined;
  for (const smaller of [batch, ...powersBelow(batch)]) {
    for (const chunk of halves(smaller).slice(-3)) {
      const { total } = estimateOf(smaller, chunk, true);
      if (total <= memory) return { batch: smaller, chunk, total };
    }
  }
  return undefined;
}

function powersBelow(batch: number): number[] {
  return Array.from({ length: 12 }, (_, i) => 2 ** (12 - i)).filter((size) => size < batch);
}

function megabytes(bytes: number): number {
  return Math.ceil(bytes / 1e6);
}
