/** cn_clip's learning rate (`training/scheduler.py`, `cosine_lr`): a linear warm-up, then half a cosine down to 0. */

/** A learning rate's course. */
export interface Schedule {
  /** The highest rate. */
  readonly learningRate: number;
  /** Steps until it is reached. */
  readonly warmup: number;
  /** Steps in all. */
  readonly steps: number;
}

/** The rate of a step, which is counted from 0. */
export function learningRateAt({ learningRate, warmup, steps }: Schedule, step: number): number {
  if (step < warmup) return (learningRate * (step + 1)) / warmup;
  return (learningRate * (1 + Math.cos((Math.PI * (step - warmup)) / (steps - warmup)))) / 2;
}
