/**
 * The tensors of a file written by `torch.save`: a state dict, or whatever a training loop puts around it, such as cn_clip's
 * `{ epoch, step, name, state_dict, optimizer }`. Every dict of the file that has tensors is listed, with the keys that lead to it; `find-model.ts` tells by
 * the tensors' names which of them is the model. Storages are located only then.
 */
import { CheckpointError, malformed, quote, showName } from "../checkpoint-error.js";
import type { CheckpointFile } from "./byte-source.js";
import { isStateDictName } from "./find-model.js";
import { PickleGlobal, PickleOpaque } from "./pickle-values.js";
import type { LocatedTensor, TensorDict } from "./tensor-dict.js";
import { BYTES_PER_ELEMENT, MAX_RANK } from "./tensor-reference.js";
import { forbidden, isSize, type TorchFile, TorchTensor } from "./torch-pickle.js";

/** Headers in front of storages that are read at a time: enough to hide a disk's or a server's latency. */
const CONCURRENT_READS = 16;
/** How many keys may lead to a state dict: training loops need one or two. */
const MAX_DEPTH = 8;
/** Longer than any tensor's name, or the keys that lead to one: a key that a thousand dicts share must not cost a thousand times its length. */
const MAX_NAME_LENGTH = 256;
/** Keys that a message shows. */
const SHOWN_KEYS = 8;

/**
 * Lists a torch file's dicts of tensors, the outermost first. Reads nothing.
 *
 * @throws {@link CheckpointError} `forbidden-global`, where something else was saved than tensors, naming it; `malformed`, where there is none.
 */
export function findTensorDicts(file: CheckpointFile, torchFile: TorchFile): TensorDict[] {
  const { root } = torchFile;
  const dicts: TensorDict[] = [];
  const seen = new Set<unknown>();
  let level: (readonly [value: unknown, path: string, isPlain: boolean])[] = [[root, "", !(root instanceof PickleOpaque)]];
  for (let depth = 0; depth <= MAX_DEPTH && level.length > 0; depth++) {
    const next: typeof level = [];
    for (const [value, path, isPlain] of level) {
      if (seen.has(value)) continue;
      seen.add(value);
      const tensors = new Map<string, TorchTensor | PickleOpaque>();
      for (const [key, item] of entriesOf(value)) {
        const name = typeof key === "string" ? key : typeof key === "number" ? String(key) : undefined;
        if (name === undefined || path.length + name.length > MAX_NAME_LENGTH) continue;
        if (item instanceof TorchTensor || item instanceof PickleOpaque) tensors.set(name, item);
        if (isContainer(item)) next.push([item, `${path}${name}.`, isPlain && !(item instanceof PickleOpaque)]);
      }
      if ([...tensors.values()].some((item) => item instanceof TorchTensor))
        dicts.push({ file, path, isPlain, names: [...tensors.keys()], locate: (names) => locate(file, torchFile, tensors, names) });
    }
    level = next;
  }
  // Dicts in an object are a whole module's, one for each layer, unless a state dict is among them.
  if (dicts.some(({ isPlain, names }) => isPlain || names.some(isStateDictName))) return dicts;
  if (root instanceof PickleOpaque) throw forbidden(file, root);
  const keys = [...entriesOf(root)].slice(0, SHOWN_KEYS).map(([key, item]) => describeKey(key, item));
  malformed(
    file,
    `expected a state dict of tensors, or a checkpoint that holds one, got ${keys.length === 0 ? "none" : keys.join(", ")}; save model.state_dict()`,
  );
}

/** Keys and values of a dict, of an object that is a kind of dict or that has attributes, or of a list by place. */
function* entriesOf(value: unknown): Iterable<readonly [unknown, unknown]> {
  if (value instanceof Map) yield* value as Map<unknown, unknown>;
  else if (Array.isArray(value)) yield* value.entries();
  else if (value instanceof PickleOpaque) {
    if (value.items !== undefined) yield* value.items;
    if (value.state instanceof Map) yield* value.state as Map<unknown, unknown>;
  }
}

function isContainer(value: unknown): boolean {
  return value instanceof Map || Array.isArray(value) || (value instanceof PickleOpaque && (value.items ?? value.state) !== undefined);
}

function describeKey(key: unknown, item: unknown): string {
  const what = item instanceof PickleOpaque || item instanceof PickleGlobal ? ` (${item.name})` : "";
  return `${quote(typeof key === "bigint" ? String(key) : key)}${what}`;
}

/** Finds where these tensors lie. Reads what stands before their storages. */
async function locate(
  file: CheckpointFile,
  torchFile: TorchFile,
  tensors: ReadonlyMap<string, TorchTensor | PickleOpaque>,
  names: readonly string[],
): Promise<Map<string, LocatedTensor | CheckpointError>> {
  const storages = new Set<TorchTensor["storage"]>();
  for (const name of names) {
    const tensor = tensors.get(name);
    if (tensor instanceof TorchTensor) storages.add(tensor.storage);
  }
  const list = [...storages];
  const places = new Map<unknown, number | CheckpointError>();
  for (let i = 0; i < list.length; i += CONCURRENT_READS) {
    const some = list.slice(i, i + CONCURRENT_READS);
    await Promise.all(some.map(async (storage) => places.set(storage, await asValue(async () => torchFile.locate(storage)))));
  }
  const located = new Map<string, LocatedTensor | CheckpointError>();
  for (const name of names) {
    const tensor = tensors.get(name);
    if (tensor === undefined) continue;
    if (tensor instanceof PickleOpaque) {
      located.set(name, forbidden(file, tensor, `tensor ${showName(name)} to be made of numbers in a storage`));
      continue;
    }
    const place = places.get(tensor.storage) ?? 0;
    located.set(name, typeof place === "number" ? await asValue(async () => reference(file, name, tensor, place)) : place);
  }
  return located;
}

/** What `make` gives, or the error for bad data that it throws. */
async function asValue<T>(make: () => Promise<T>): Promise<T | CheckpointError> {
  try {
    return await make();
  } catch (error) {
    if (error instanceof CheckpointError) return error;
    throw error;
  }
}

/** Where a tensor's elements lie. */
function reference(file: CheckpointFile, name: string, tensor: TorchTensor, storageOffset: number): LocatedTensor {
  const { offset, size, stride, storage } = tensor;
  const { dtype, numel } = storage;
  const stored = BYTES_PER_ELEMENT.get(dtype);
  if (stored === undefined) {
    throw new CheckpointError(
      "unsupported-dtype",
      `${file.name}: tensor ${showName(name)}: expected a dtype that weights have, got torch.${dtype}`,
      {
        file: file.name,
        tensor: name,
        actual: dtype,
      },
    );
  }
  if (!isSizes(size) || !isSizes(stride) || size.length !== stride.length || !isSize(offset))
    malformed(file, `tensor ${showName(name)}: expected an offset, and a size and a stride for each of at most ${MAX_RANK} axes`, {
      tensor: name,
    });
  const length = size.reduce((product, extent) => product * extent, 1);
  /** Elements from the first one to behind the last one. */
  const span = length === 0 ? 0 : size.reduce((last, extent, axis) => last + (extent - 1) * (stride[axis] ?? 0), 1);
  if (offset + span > numel)
    malformed(file, `tensor ${showName(name)}: expected its ${length} elements to lie within its storage's ${numel}`, { tensor: name });

  const byteOffset = storageOffset + offset * stored.bytes;
  const place = { dtype: stored.dtype, file: file.name, byteOffset, byteLength: span * stored.bytes };
  if (isContiguous(size, stride)) return { ...place, shape: size, transposed: false };
  if (size.length === 2 && isContiguous([...size].reverse(), [...stride].reverse()))
    return { ...place, shape: [...size].reverse(), transposed: true };
  return { ...place, shape: size, transposed: false, strides: stride };
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
