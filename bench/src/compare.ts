/**
 * Times contestants alternately in one process, so that a machine whose speed drifts slows them all alike, and reports
 * medians and ratios. Agreement of the results is the caller's to check before it reports a time: a bench never shows the speed of a wrong answer.
 */

/** One side of a comparison. `run` does the whole unit of work once. */
export interface Contestant<Result = unknown> {
  readonly name: string;
  readonly run: () => Result | Promise<Result>;
}

/** What one contestant took: the median and the spread over all rounds, milliseconds. */
export interface Timing<Result = unknown> {
  readonly name: string;
  readonly medianMs: number;
  readonly minMs: number;
  readonly maxMs: number;
  /** Number of rounds. */
  readonly rounds: number;
  /** What the last round gave. */
  readonly result: Result;
}

/** How often a comparison runs its contestants. */
export interface Rounds {
  /** Measured rounds, at most. Default 15. */
  readonly rounds?: number;
  /** Rounds before them. Default 3. */
  readonly warmup?: number;
  /** No further round begins after this many milliseconds of measured ones, once there is one; default: no limit. */
  readonly budgetMs?: number;
  /**
   * How long a turn's measured runs take at least, milliseconds; its sample is their mean. They come after one that is not measured, so that a turn does not
   * pay for what the contestant before left in the caches. Default: a turn is one run.
   */
  readonly turnMs?: number;
  /** Before each turn, for the threads of the contestant before: ONNX Runtime's spin for a while, on cores that the next one wants. Default 0. */
  readonly restMs?: number;
}

/** Waits until this process does nothing, at most ten seconds: loading leaves work to the garbage collector and to other threads. */
export async function comeToRest(): Promise<void> {
  for (let i = 0; i < 20; i++) {
    const before = process.cpuUsage();
    await new Promise((resolve) => setTimeout(resolve, 500));
    const { user, system } = process.cpuUsage(before);
    if (user + system < IDLE_US) return;
  }
}

/** The load of one core that is busy for half a second. */
const IDLE_US = 25_000;

/** The middle value; the mean of the two middle ones for an even count. */
export function median(values: readonly number[]): number {
  const sorted = [...values].sort((a, b) => a - b);
  const half = sorted.length >> 1;
  const upper = sorted[half] ?? Number.NaN;
  return sorted.length % 2 === 1 ? upper : (upper + (sorted[half - 1] ?? Number.NaN)) / 2;
}

/** Gives every contestant a turn in each round: the warm-up rounds unmeasured, then the measured ones. */
export async function compare<Result>(
  contestants: readonly Contestant<Result>[],
  { rounds = 15, warmup = 3, budgetMs = Number.POSITIVE_INFINITY, turnMs, restMs = 0 }: Rounds = {},
): Promise<Timing<Result>[]> {
  const samples = contestants.map((): number[] => []);
  const results: Result[] = [];
  let begin = Number.NaN;
  for (let round = -warmup; round < rounds; round++) {
    if (round === 0) begin = performance.now();
    if (round > 0 && performance.now() - begin > budgetMs) break;
    for (const [i, contestant] of contestants.entries()) {
      if (restMs > 0) await new Promise((resolve) => setTimeout(resolve, restMs));
      if (turnMs !== undefined && round >= 0) await contestant.run();
      const start = performance.now();
      let [runs, elapsed] = [0, 0];
      do {
        results[i] = await contestant.run();
        runs += 1;
        elapsed = performance.now() - start;
      } while (elapsed < (turnMs ?? 0));
      if (round >= 0) samples[i]?.push(elapsed / runs);
    }
  }
  return contestants.map(({ name }, i) => {
    const taken = samples[i] ?? [];
    return {
      name,
      medianMs: median(taken),
      minMs: Math.min(...taken),
      maxMs: Math.max(...taken),
      rounds: taken.length,
      result: results[i] as Result,
    };
  });
}

/** Milliseconds for a table: two decimals below 10, one below 1000, none above. */
export function formatMs(value: number): string {
  return value.toFixed(value < 10 ? 2 : value < 1000 ? 1 : 0);
}

/** Prints one comparison as a Markdown table; the ratio column is each peer's median over the first contestant's (higher: ours is faster). */
export function printTimings(title: string, timings: readonly Timing[]): void {
  const ours = timings[0]?.medianMs ?? Number.NaN;
  console.log(`\n### ${title}\n\n| contestant | median ms | min | max | ours is faster by |\n|---|---:|---:|---:|---:|`);
  for (const [i, { name, medianMs, minMs, maxMs }] of timings.entries()) {
    console.log(
      `| ${name} | ${formatMs(medianMs)} | ${formatMs(minMs)} | ${formatMs(maxMs)} | ${i === 0 ? "" : `${(medianMs / ours).toFixed(2)}x`} |`,
    );
  }
}
