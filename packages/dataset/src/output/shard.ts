/**
 * One part of a data set, for jobs that share the work: every `count`-th input, from `index`.
 */

/** One part of several. */
export interface Shard {
  /** From 0. */
  readonly index: number;
  /** How many there are. */
  readonly count: number;
}

/** `features.jsonl`, or of several parts `features.2-of-8.jsonl`. */
export function shardFile(file: string, { index, count }: Shard): string {
  return count === 1 ? file : file.replace(/\.jsonl$/, `.${index}-of-${count}.jsonl`);
}
