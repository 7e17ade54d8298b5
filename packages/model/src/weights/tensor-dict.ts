import type { CheckpointError } from "../checkpoint-error.js";
import type { CheckpointFile } from "./byte-source.js";
import type { StoredTensor } from "./tensor-reference.js";

/** A tensor as its file has it. */
export interface LocatedTensor extends StoredTensor {
  /** Where the elements do not follow one another: elements from one index to the next, for each axis. `byteLength` is then from the first to the last. */
  readonly strides?: readonly number[];
}

/** Tensors that a file has under one name, or under none: a state dict, or what a safetensors file holds. */
export interface TensorDict {
  /** The file that its tensors are in. */
  readonly file: CheckpointFile;
  /** The keys that lead to it, each with a dot behind it, such as `state_dict.`; empty where none do. */
  readonly path: string;
  /** Whether only dicts and lists lead to it, and no object of another kind. */
  readonly isPlain: boolean;
  /** The tensors' names in it. */
  readonly names: readonly string[];
  /** Where these of its tensors lie; an error for one that cannot be used. */
  readonly locate: (names: readonly string[]) => Promise<ReadonlyMap<string, LocatedTensor | CheckpointError>>;
}
