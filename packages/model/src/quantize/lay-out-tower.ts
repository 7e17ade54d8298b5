/**
 * The way in to the conversion of weights, whose code comes when it is first wanted: most loads take the weights as they are.
 */
import type { Checkpoint } from "../weights/checkpoint.js";
import type { TowerDtype, TowerName } from "./conversion-step.js";

/** Raised when a conversion gives other bytes than before, so that who keeps converted towers does not take older ones for them. */
export const TOWER_FORMAT = 3;

/** A tower's weights as a file that is yet to be written. */
export interface TowerFile {
  /** The tower's tensors as they will lie in the file, which is called {@link TowerFile.name}. */
  readonly checkpoint: Checkpoint;
  /** The file's name. */
  readonly name: string;
  /** The file's size. */
  readonly byteLength: number;
  /**
   * The file's bytes, in order; reads the source's weights as it goes, a layer at a time.
   *
   * @param onLayer - is called when a layer's chunks were taken and none of the bytes that were read so far is looked at again.
   */
  chunks(onLayer?: () => void): AsyncGenerator<Uint8Array, void, undefined>;
}

/**
 * Lays out one tower in a number format.
 *
 * @param checkpoint - of the whole model, or of the tower alone; in floating point.
 * @param name - what the file is to be called, such as `text.q8.safetensors`.
 * @throws {@link CheckpointError} naming a tensor that is missing or has another shape; when the chunks are made, also where the weights
 * cannot be read.
 */
export async function layOutTower(checkpoint: Checkpoint, tower: TowerName, dtype: TowerDtype, name: string): Promise<TowerFile> {
  const { towerFile } = await import("./tower-file.js");
  return towerFile(checkpoint, tower, dtype, name);
}

/** The number format of a tower file's weights, where it is one; undefined for a checkpoint in floating point. */
export function quantizedDtype(checkpoint: Checkpoint): "q8" | "q4" | undefined {
  const names = [...checkpoint.tensors.keys()];
  if (names.some((name) => name.endsWith(".weight_int4"))) return "q4";
  return names.some((name) => /weight_u?int8$/u.test(name)) ? "q8" : undefined;
}
