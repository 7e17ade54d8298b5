/**
 * What goes between `tower-cache.ts` and the thread that converts.
 */
import type { StoredTensor, TowerDtype, TowerName } from "@chinese-clip/model";

/** A tower to convert, in values that survive the way into a thread. */
export interface ConversionWorkerData {
  /** The checkpoint's tensors; only the tower's are read. */
  readonly tensors: ReadonlyMap<string, StoredTensor>;
  /** The folder that the checkpoint's files lie in. */
  readonly weightsFolder: string;
  readonly tower: TowerName;
  readonly dtype: TowerDtype;
  /** Name of the file to write. */
  readonly name: string;
  /** The folder that gets a folder for each conversion, named by {@link ConvertedTower.hash}. */
  readonly folder: string;
}

/** The one request. */
export interface ConvertRequest {
  readonly type: "convert";
}

/** What was converted. */
export interface ConvertedTower {
  /** sha256 of the weights that were converted, and of what they were converted to, in hex. */
  readonly hash: string;
}
