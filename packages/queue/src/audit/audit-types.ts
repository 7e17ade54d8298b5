/** What an audit looks at and finds. */
import type { FileStore, ParquetLimits, ShardSettings } from "@chinese-clip/dataset";
import type { ManifestIndex } from "../shards/manifest-index.js";

/** Kinds of faults. */
export type AuditFaultKind =
  /** Nothing of the shard is there, or it was never committed. */
  | "missing"
  /** A file of it is not there, is cut off, or has other bytes than were written. */
  | "torn"
  /** It is of another shard, model or settings, or nobody recorded what it is. */
  | "foreign"
  /** A row has NaN or infinite values, or not the length 1. */
  | "invalid-row"
  /** A key is in the output more than once, or two shards have the same rows. */
  | "duplicate"
  /** A file that no shard of the manifest has. */
  | "unknown-file"
  /** What a killed process was writing. */
  | "leftover";

/** A fault. */
export interface AuditFault {
  /** Which kind it is. */
  readonly kind: AuditFaultKind;
  /** The shard's id, where it is of one. */
  readonly shard?: string;
  /** The file, below the output. */
  readonly file?: string;
  /** What is wrong, in English. */
  readonly reason: string;
}

/** What is audited. */
export interface AuditOptions {
  /** The manifest that was embedded. */
  readonly manifest: ManifestIndex;
  /** Where its shards went: a folder, or a store such as `s3Store` makes. */
  readonly output: string | FileStore;
  /** The model that the rows are to be of; default that of most shards. */
  readonly fingerprint?: string | undefined;
  /** The settings that they are to be of; default those of most shards. */
  readonly settings?: ShardSettings | undefined;
  /** Looks at names and sizes alone, and not at rows, keys and hashes. Default false. */
  readonly quick?: boolean | undefined;
  /** What decoding a shard's metadata table may cost. */
  readonly parquet?: ParquetLimits | undefined;
  /** Files that lie in the output and are no shard's, such as the manifest; names below the output. */
  readonly known?: readonly string[] | undefined;
  /** Ends it with its reason. */
  readonly signal?: AbortSignal | undefined;
  /** Told how many shards have been looked at. */
  readonly onProgress?: ((done: number, total: number) => void) | undefined;
}

/** What was found. */
export interface AuditReport {
  /** Whether there is no fault. */
  readonly clean: boolean;
  /** Shards of the manifest. */
  readonly shards: number;
  /** Those without a fault. */
  readonly complete: number;
  /** Rows of complete shards. */
  readonly rows: number;
  /** Items of complete shards that have no row. */
  readonly failed: number;
  /** The model; undefined where no shard names one. */
  readonly fingerprint: string | undefined;
  /** The faults, at most {@link MOST_FAULTS}. */
  readonly faults: readonly AuditFault[];
  /** How many there are. */
  readonly faultCount: number;
  /** Shards that have to be embedded again. */
  readonly again: readonly string[];
  /** Files that are to be removed, below the output. */
  readonly remove: readonly string[];
}

/** Faults that a report lists: an output that is of another model has one for each shard. */
export const MOST_FAULTS = 10_000;
