/**
 * A checkpoint's tensors by their canonical names, from wherever in its files the model is.
 */
import { CheckpointError, showName } from "../checkpoint-error.js";
import { findModel, type FoundTensor } from "./find-model.js";
import { StridedCopies } from "./strided-copy.js";
import type { LocatedTensor, TensorDict } from "./tensor-dict.js";
import { isProjection, nameCanonically } from "./tensor-names.js";
import type { StoredTensor } from "./tensor-reference.js";

/** The tensors of a checkpoint, and what is wrong with the others. */
export interface NamedTensors {
  readonly tensors: ReadonlyMap<string, StoredTensor>;
  /** Name -> why the tensor cannot be used: an error for whoever needs it. */
  readonly unusable: ReadonlyMap<string, CheckpointError>;
  /** What to say where a tensor is missing. */
  readonly note: string | undefined;
}

/**
 * Finds the model and names its tensors canonically; tensors beside it keep their names.
 *
 * @throws {@link CheckpointError} `malformed`; where no tensor is the model's, what is wrong with any.
 */
export async function nameModel(dicts: readonly TensorDict[]): Promise<NamedTensors> {
  const { tensors, others, note } = findModel(dicts);
  const located = await locateAll([...tensors.values(), ...others.values()]);
  const copies = new StridedCopies();
  const stored = new Map<string, StoredTensor | CheckpointError>();
  for (const [name, found] of tensors) {
    const tensor = located.get(found.dict)?.get(found.name);
    if (tensor === undefined) continue;
    stored.set(name, isTurned(name, tensor) ? await copies.copy(found.dict, found.name, tensor) : tensor);
  }
  const named = nameCanonically(stored);
  for (const [name, found] of others) {
    const tensor = located.get(found.dict)?.get(found.name);
    if (tensor === undefined || named.has(name)) continue;
    named.set(name, isTurned(name, tensor) ? notInOrder(tensor, found.name) : tensor);
  }
  const usable = new Map<string, StoredTensor>();
  const unusable = new Map<string, CheckpointError>();
  for (const [name, tensor] of named) {
    if (tensor instanceof CheckpointError) unusable.set(name, tensor);
    else usable.set(name, tensor);
  }
  // Where nothing is the model's, what is wrong with a tensor is what is wrong with the file.
  const [fault] = tensors.size === 0 ? unusable.values() : [];
  if (fault !== undefined) throw fault;
  return { tensors: usable, unusable, note };
}

/** Whether a graph cannot take the elements in the order in which they lie: only projections are multiplied from either side. */
function isTurned(name: string, tensor: LocatedTensor | CheckpointError): tensor is LocatedTensor {
  return !(tensor instanceof CheckpointError) && (tensor.strides !== undefined || (tensor.transposed && !isProjection(name)));
}

/** Only the model's tensors are copied. */
function notInOrder({ file }: StoredTensor, tensor: string): CheckpointError {
  const message = `${file}: tensor ${showName(tensor)}: expected elements in a row, got a transposed or strided view; save a contiguous() copy`;
  return new CheckpointError("malformed", message, { file, tensor });
}

/** Asks each dict once. */
async function locateAll(found: readonly FoundTensor[]): Promise<Map<TensorDict, ReadonlyMap<string, LocatedTensor | CheckpointError>>> {
  const names = new Map<TensorDict, string[]>();
  for (const { dict, name } of found) {
    const own = names.get(dict) ?? [];
    own.push(name);
    names.set(dict, own);
  }
  const located = new Map<TensorDict, ReadonlyMap<string, LocatedTensor | CheckpointError>>();
  for (const [dict, own] of names) located.set(dict, await dict.locate(own));
  return located;
}
