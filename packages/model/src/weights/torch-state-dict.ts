/**
 * The tensors of a file written by `torch.save`: a state dict, or cn_clip's checkpoint `{ epoch, step, name, state_dict, optimizer }` around
 * one. The optimizer's tensors are passed over without a read.
 */
import { malformed, quote } from "../checkpoint-error.js";
import type { CheckpointFile } from "./byte-source.js";
import { BYTES_PER_ELEMENT, MAX_RANK, type StoredTensor } from "./tensor-reference.js";
import { isSize, type TorchFile, TorchTensor } from "./torch-pickle.js";

/** Headers in front of storages that are read at a time: enough to hide a disk's or a server's latency. */
const CONCURRENT_READS = 16;

/**
 * Finds a torch file's tensors. Reads what says where their storages lie, never the storages.
 *
 * @returns the name in the file -> reference.
 * @throws {@link CheckpointError} `malformed`, naming the tensor.
 */
export async function findTensors(file: CheckpointFile, torchFile: TorchFile): Promise<Map<string, StoredTensor>> {
  const { root } = torchFile;
  const wrapped: unknown = root instanceof Map ? root.get("state_dict") : undefined;
  const dict: unknown = wrapped instanceof Map ? wrapped : root;
  const tensors = [...(dict instanceof Map ? (dict as Map<unknown, unknown>) : [])].filter(
    (entry): entry is [string, TorchTensor] => typeof entry[0] === "string" && entry[1] instanceof TorchTensor,
  );
  if (tensors.length === 0) malformed(file, "expected a state dict of tensors, or a checkpoint with one under state_dict");

  const storages = [...new Set(tensors.map(([, { storage }]) => storage))];
  const places = new Map<unknown, number>();
  for (let i = 0; i < storages.length; i += CONCURRENT_READS) {
    await Promise.all(storages.slice(i, i + CONCURRENT_READS).map(async (storage) => places.set(storage, await torchFile.locate(storage))));
  }
  return new Map(tensors.map(([name, tensor]) => [name, reference(file, name, tensor, places.get(tensor.storage) ?? 0)]));
}

/** Where a tensor's elements lie, if they lie in its storage one after the other. */
function reference(file: CheckpointFile, name: string, tensor: TorchTensor, storageOffset: number): StoredTensor {
  const { offset, size, stride, storage } = tensor;
  const { dtype, numel } = storage;
  if (!isSizes(size) || !isSizes(stride) || size.length !== stride.length || !isSize(offset))
    malformed(file, `tensor ${name}: expected an offset, and a size and a stride for each of at most ${MAX_RANK} axes`, { tensor: name });
  const length = size.reduce((product, extent) => product * extent, 1);
  if (offset + length > numel)
    malformed(file, `tensor ${name}: expected its ${length} elements to lie within its storage's ${numel}`, { tensor: name });

  const transposed = !isContiguous(size, stride);
  if (transposed && !(size.length === 2 && isContiguous(size.toReversed(), stride.toReversed())))
    malformed(
      file,
      `tensor ${name}: expected elements in a row, got shape ${quote(size)} with strides ${quote(stride)}; save a contiguous() copy`,
      {
        tensor: name,
      },
    );
  const bytes = BYTES_PER_ELEMENT.get(dtype)?.bytes ?? 0;
  return {
    dtype,
    shape: transposed ? size.toReversed() : size,
    file: file.name,
    byteOffset: storageOffset + offset * bytes,
    byteLength: length * bytes,
    transposed,
  };
}

/** Whether the last axis runs fastest, without gaps. The stride of an axis with one index says nothing. */
function isContiguous(size: readonly number[], stride: readonly number[]): boolean {
  let expected = 1;
  for (let axis = size.length - 1; axis >= 0; axis--) {
    if (size[axis] !== 1 && stride[axis] !== expected) return size.includes(0);
    expected *= size[axis] ?? 1;
  }
  return true;
}

function isSizes(value: unknown): value is readonly number[] {
  return Array.isArray(value) && value.length <= MAX_RANK && value.every(isSize);
}
