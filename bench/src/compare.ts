/**
 * Times contestants alternately in one process, so that a machine whose speed drifts slows them all alike, and reports
 * medians and ratios. Agreement of the results is the caller's to check first: a bench never times a wrong answer.
 */

/** One side of a comparison. `run` does the whole unit of work once. */
export interface Contestant {
  readonly name: string;
  readonly run: () => unknown;
}

/** What one contestant took: the median and the spread over all rounds, milliseconds, and its speed relative to the first peer. */
export interface Timing {
  readonly name: string;
  readonly medianMs: number;
  readonly minMs: number;
  readonly maxMs: number;
}

/** The middle value; the mean of the two middle ones for an even count. */
export function median(values: readonly number[]): number {
  const sorted = [...values].sort((a, b) => a - b);
  const half = sorted.length >> 1;
  const upper = sorted[half] ?? Number.NaN;
  return sorted.length % 2 === 1 ? upper : (upper + (sorted[half - 1] ?? Number.NaN)) / 2;
}

/** Runs every contestant once a round, in turn, `warmup` rounds unmeasured and then `rounds` measured. */
export async function compare(
  contestants: readonly Contestant[],
  { rounds = 15, warmup = 3 }: { rounds?: number; warmup?: number } = {},
): Promise<Timing[]> {
  const samples = contestants.map((): number[] => []);
  for (let round = -warmup; round < rounds; round++) {
    for (const [i, contestant] of contestants.entries()) {
      const start = performance.now();
      await contestant.run();
      const elapsed = performance.now() - start;
      if (round >= 0) samples[i]?.push(elapsed);
    }
  }
  return contestants.map(({ name }, i) => {
    const taken = samples[i] ?? [];
    return { name, medianMs: median(taken), minMs: Math.min(...taken), maxMs: Math.max(...taken) };
  });
}

/** Prints one comparison as a Markdown table; the ratio column is each peer's median over the first contestant's (higher: ours is faster). */
export function printTimings(title: string, timings: readonly Timing[]): void {
  const ours = timings[0]?.medianMs ?? Number.NaN;
  const ms = (value: number): string => value.toFixed(value < 10 ? 2 : 1);
  console.log(`\n### ${title}\n\n| contestant | median ms | min | max | ours is faster by |\n|---|---:|---:|---:|---:|`);
  for (const [i, { name, medianMs, minMs, maxMs }] of timings.entries()) {
    console.log(`| ${name} | ${ms(medianMs)} | ${ms(minMs)} | ${ms(maxMs)} | ${i === 0 ? "" : `${(medianMs / ours).toFixed(2)}x`} |`);
  }
}
