/**
 * Which part of the inputs one job of an array does: every `count`-th, from `index`. Options, else what Slurm, Kubernetes and AWS Batch tell their jobs.
 */
import type { Shard } from "@chinese-clip/dataset";
import { t } from "../translation/translate.js";
import { UsageError } from "../option.js";

type Environment = Readonly<Record<string, string | undefined>>;

/**
 * The part that is meant.
 *
 * @throws UsageError - numbers that name no part, or an index without a count.
 */
export function shardOf(index: string | undefined, count: string | undefined, env: Environment): Shard {
  const shards = integerOf("--shard-count", count ?? env["SLURM_ARRAY_TASK_COUNT"] ?? env["AWS_BATCH_JOB_ARRAY_SIZE"]);
  const shard = integerOf("--shard-index", index ?? env["JOB_COMPLETION_INDEX"] ?? env["AWS_BATCH_JOB_ARRAY_INDEX"]) ?? slurmIndex(env);
  if (shards === undefined) {
    if (shard === undefined) return { index: 0, count: 1 };
    throw new UsageError(t`shard ${shard} of how many? Give --shard-count`);
  }
  if (shard === undefined) {
    if (shards === 1) return { index: 0, count: 1 };
    throw new UsageError(t`--shard-count needs --shard-index, JOB_COMPLETION_INDEX or SLURM_ARRAY_TASK_ID`);
  }
  if (shards < 1 || shard >= shards) throw new UsageError(t`--shard-index: expected 0 to ${shards - 1}, got ${shard}`);
  return { index: shard, count: shards };
}

/** Slurm counts from any number in steps of any size. */
function slurmIndex(env: Environment): number | undefined {
  const id = integerOf("SLURM_ARRAY_TASK_ID", env["SLURM_ARRAY_TASK_ID"]);
  if (id === undefined) return undefined;
  const first = integerOf("SLURM_ARRAY_TASK_MIN", env["SLURM_ARRAY_TASK_MIN"]) ?? 0;
  const step = integerOf("SLURM_ARRAY_TASK_STEP", env["SLURM_ARRAY_TASK_STEP"]) ?? 1;
  const index = (id - first) / step;
  if (Number.isInteger(index) && index >= 0) return index;
  throw new UsageError(t`SLURM_ARRAY_TASK_ID ${id} is not on the array's steps (from ${first} by ${step}); give --shard-index`);
}

function integerOf(name: string, text: string | undefined): number | undefined {
  if (text === undefined || text === "") return undefined;
  if (/^\d{1,9}$/.test(text)) return Number(text);
  throw new UsageError(t`${name}: expected an integer, got ${text}`);
}
