/**
 * A job: which shard of which manifest. A server's contents are strangers' bytes, and a job names neither a source nor an output: whoever can
 * write to the server can have a worker embed its own shards again, and nothing else.
 */
import { shown, shownJson } from "@chinese-clip/dataset/formats";
import { QueueError } from "../queue-error.js";

/** What a job says. */
export interface ShardJob {
  /** The shard's id in the manifest. */
  readonly shard: string;
  /** The manifest's digest. */
  readonly manifest: string;
  /** Whether the shard is embedded again although its output is there. */
  readonly again?: true;
}

/** The name of all jobs, which BullMQ's dashboards show. */
export const JOB_NAME = "shard";

/** What an id may be: it is part of file names. */
const SHARD_ID = /^(?!\.)[\w.-]{1,100}$/u;

/** A job's id: that of its shard, so that to add a shard twice adds one job. BullMQ keeps integers for itself. */
export function jobIdOf(shard: string): string {
  return /^\d+$/u.test(shard) ? `shard-${shard}` : shard;
}

/**
 * Checks a job's data.
 *
 * @param manifest - the digest of the worker's own manifest.
 * @throws QueueError - `invalid-job`, `other-manifest`.
 */
export function parseShardJob(data: unknown, manifest: string): ShardJob {
  if (typeof data !== "object" || data === null)
    throw new QueueError("invalid-job", { reason: `expected an object, got ${shownJson(data)}` });
  const { shard, manifest: got, again } = data as Readonly<Record<string, unknown>>;
  if (typeof shard !== "string" || !SHARD_ID.test(shard))
    throw new QueueError("invalid-job", { reason: `expected a shard's id, got ${shownJson(shard)}` });
  if (typeof got !== "string") throw new QueueError("invalid-job", { reason: `expected a manifest's digest, got ${shownJson(got)}` });
  if (got !== manifest) throw new QueueError("other-manifest", { got: shown(got.slice(0, 12)), expected: manifest.slice(0, 12) });
  return again === true ? { shard, manifest, again } : { shard, manifest };
}
