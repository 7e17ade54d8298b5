/**
 * Which pairs are in which batch. The order of an epoch follows from the seed and the epoch's number alone, so that a resumed run continues with the
 * same batches.
 */
import { countedRandom } from "./counted-random.js";

/** The batches of a run. */
export interface BatchPlan {
  /** Pairs in all. */
  readonly pairs: number;
  /** Pairs of a batch, at most `pairs`. */
  readonly batch: number;
  /** What the order follows from, 0 to 2^32 - 1. */
  readonly seed: number;
}

/** Batches of an epoch: all pairs, the last batch filled up from the epoch's start, as cn_clip does. */
export function batchesPerEpoch({ pairs, batch }: BatchPlan): number {
  return Math.ceil(pairs / batch);
}

/**
 * The pairs of a step's batch.
 *
 * @param step - counted from 0.
 * @param order - of the step's epoch, as {@link epochOrder} gives it.
 */
export function batchOf(plan: BatchPlan, step: number, order: Uint32Array): number[] {
  const first = (step % batchesPerEpoch(plan)) * plan.batch;
  return Array.from({ length: plan.batch }, (_, i) => order[(first + i) % plan.pairs] ?? 0);
}

/** The pairs' numbers, shuffled for one epoch (Fisher and Yates). */
export function epochOrder({ pairs, seed }: BatchPlan, epoch: number): Uint32Array {
  const order = Uint32Array.from({ length: pairs }, (_, i) => i);
  for (let last = pairs - 1; last > 0; last--) {
    const other = Math.floor(countedRandom(seed, epoch, last) * (last + 1));
    [order[last], order[other]] = [order[other] ?? 0, order[last] ?? 0];
  }
  return order;
}
