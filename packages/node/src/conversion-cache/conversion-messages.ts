/**
 * What goes between `tower-cache.ts` and the thread that converts.
 */
import type { StoredTensor, TowerDtype, TowerName } from "@chinese-clip/model";
import type { WeightIntegers } from "@chinese-clip/model/quantize";
import type { WeightsStamp } from "../files/weights-files.js";

/** A tower to convert, in values that survive the way into a thread. */
export interface ConversionWorkerData {
  /** The checkpoint's tensors; only the tower's are read. */
  readonly tensors: ReadonlyMap<string, StoredTensor>;
  /** The folder that the checkpoint's files lie in. */
  readonly weightsFolder: string;
  /** The checkpoint's files, as they were when its header was read. */
  readonly stamps: readonly WeightsStamp[];
  readonly tower: TowerName;
  readonly dtype: TowerDtype;
  readonly integers: WeightIntegers;
  /** Name of the file to write. */
  readonly name: string;
}

/**
 * `hash` answers with the sha256 of the tower's weights, in hex: what its conversion is named by. `convert` writes the conversion into a folder of
 * that name in `folder`, with a {@link checksumFile} beside it. `abort` ends both with an error, once what they wrote is removed: a thread that was
 * terminated could not do that, and its lock would look like that of a process that runs.
 */
export type ConversionRequest =
  | { readonly type: "hash" }
  | { readonly type: "convert"; readonly folder: string; readonly hash: string }
  | { readonly type: "abort" };

/** The file beside a converted tower that has its sha256. */
export function checksumFile(path: string): string {
  return `${path}.sha256`;
}
