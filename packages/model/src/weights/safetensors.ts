/**
 * Reads the header of a safetensors file: eight bytes of length, then JSON that says where each tensor lies. Follows the
 * format's reference implementation (huggingface/safetensors, `safetensors/src/tensor.rs`) in what it rejects: the tensors
 * must fill the data section exactly, without holes or overlap, so every length is checked against the file's.
 */
import { CheckpointError, malformed, quote, showName } from "../checkpoint-error.js";
import type { CheckpointFile } from "./byte-source.js";
import type { TensorDict } from "./tensor-dict.js";
import { BYTES_PER_ELEMENT, MAX_RANK, type StoredTensor } from "./tensor-reference.js";

/**
 * The published checkpoints' headers are below 100 kB; this is room for 50,000 tensors, 60 times the largest's 783. The reference
 * implementation's ceiling, 100 MB, is room for a header that takes JavaScript half a minute to parse.
 */
const MAX_HEADER_BYTES = 8 * 1024 * 1024;

/**
 * Reads which tensors a safetensors file holds. Only the header is read.
 *
 * @param start - the file's first bytes, at least 8, that its format was told by.
 * @returns the tensors, in the order of the data. One of an unknown dtype, or with too many axes, is an error for whoever needs it.
 * @throws {@link CheckpointError} `malformed`, naming the file and the tensor: not a safetensors file, cut short, a length
 * that does not fit.
 */
export async function readSafetensors(file: CheckpointFile, start: Uint8Array): Promise<TensorDict> {
  const headerLength = Number(new DataView(start.buffer, start.byteOffset, 8).getBigUint64(0, true));
  const available = Math.min(MAX_HEADER_BYTES, file.byteLength - 8);
  if (headerLength < 2 || headerLength > available) {
    const what = await (await import("./not-weights.js")).describeOtherFile(file);
    if (what !== undefined) malformed(file, `expected weights, got ${what}; this is not a safetensors file nor one of torch.save`);
  }
  if (headerLength > available) {
    malformed(
      file,
      `expected a header of at most ${available} bytes, got a length of ${headerLength}; this is not a safetensors file nor one of torch.save, or it is cut short`,
    );
  }
  const header = parseHeader(file, await file.read(8, 8 + headerLength));
  const dataStart = 8 + headerLength;

  const tensors = Object.entries(header)
    .filter(([name]) => name !== "__metadata__")
    .map(([name, entry]) => ({ name, ...parseEntry(file, name, entry, dataStart) }))
    .sort((a, b) => a.byteOffset - b.byteOffset || a.byteLength - b.byteLength);

  let end = dataStart;
  for (const { name, byteOffset, byteLength } of tensors) {
    if (byteOffset !== end) {
      malformed(
        file,
        `tensor ${showName(name)}: expected its data at byte ${end - dataStart}, where the one before ends, got ${byteOffset - dataStart}`,
        { tensor: name },
      );
    }
    end = byteOffset + byteLength;
  }
  if (end !== file.byteLength)
    malformed(file, `expected the tensors to end with the file, at byte ${file.byteLength}, but they end at ${end}`);
  const stored = new Map(tensors.map(({ name, tensor }) => [name, tensor]));
  return { file, path: "", isPlain: true, names: [...stored.keys()], locate: async () => stored };
}

/** A safetensors file of any tensors: where each lies, and the text that its writer added. */
export interface TensorFile {
  /** By name, in the order of the data. */
  readonly tensors: ReadonlyMap<string, StoredTensor>;
  /** `__metadata__`. */
  readonly metadata: Readonly<Record<string, string>>;
}

/**
 * Reads the header of a safetensors file whose tensors need not be a model's.
 *
 * @throws CheckpointError - `malformed`: not a safetensors file, cut short, a tensor that cannot be used.
 */
export async function readTensorFile(file: CheckpointFile): Promise<TensorFile> {
  if (file.byteLength < 10) malformed(file, `expected a safetensors file, got ${file.byteLength} bytes`);
  const start = await file.read(0, 9);
  const dict = await readSafetensors(file, start);
  const tensors = new Map<string, StoredTensor>();
  for (const [name, tensor] of await dict.locate(dict.names)) {
    if (tensor instanceof CheckpointError) throw tensor;
    tensors.set(name, tensor);
  }
  const headerLength = Number(new DataView(start.buffer, start.byteOffset, 8).getBigUint64(0, true));
  const { __metadata__: metadata } = parseHeader(file, await file.read(8, 8 + headerLength));
  const entries = typeof metadata === "object" && metadata !== null ? Object.entries(metadata) : [];
  return { tensors, metadata: Object.fromEntries(entries.map(([name, text]) => [name, String(text)])) };
}

function parseHeader(file: CheckpointFile, bytes: Uint8Array): Record<string, unknown> {
  let header: unknown;
  try {
    header = JSON.parse(new TextDecoder("utf-8", { fatal: true }).decode(bytes));
  } catch (cause) {
    malformed(file, "expected a header of JSON in UTF-8", {}, { cause });
  }
  if (typeof header !== "object" || header === null || Array.isArray(header)) malformed(file, "expected the header to be a JSON object");
  return header as Record<string, unknown>;
}

/** Where a tensor's data lie, and the tensor, or why it cannot be used. */
interface Entry {
  readonly byteOffset: number;
  readonly byteLength: number;
  readonly tensor: StoredTensor | CheckpointError;
}

function parseEntry(file: CheckpointFile, name: string, entry: unknown, dataStart: number): Entry {
  const { dtype, shape, data_offsets: offsets } = (typeof entry === "object" && entry !== null ? entry : {}) as Record<string, unknown>;
  const fail = (message: string): never => malformed(file, `tensor ${showName(name)}: ${message}`, { tensor: name });
  if (typeof dtype !== "string") fail(`expected a dtype, got ${quote(dtype)}`);
  if (!isSizes(shape)) return fail(`expected a shape of sizes, got ${quote(shape)}`);
  if (!isSizes(offsets) || offsets.length !== 2) return fail(`expected two data_offsets, got ${quote(offsets)}`);
  const [start = 0, end = 0] = offsets;
  if (end < start) fail(`expected data_offsets in order, got ${quote(offsets)}`);
  if (dataStart + end > file.byteLength)
    fail(`expected its data to end within the file's ${file.byteLength} bytes, got ${dataStart + end}; the file is cut short`);
  const place = { byteOffset: dataStart + start, byteLength: end - start };

  const type = BYTES_PER_ELEMENT.get(dtype as string);
  const unusable = (message: string): Entry => ({
    ...place,
    tensor: new CheckpointError("malformed", `${file.name}: tensor ${showName(name)}: ${message}`, { file: file.name, tensor: name }),
  });
  if (type === undefined) return unusable(`expected a dtype of ${[...BYTES_PER_ELEMENT.keys()].join(", ")}, got ${quote(dtype)}`);
  if (shape.length > MAX_RANK) return unusable(`expected a shape of at most ${MAX_RANK} sizes, got ${quote(shape)}`);
  const byteLength = shape.reduce((product, size) => product * size, type.bytes);
  if (place.byteLength !== byteLength) fail(`expected ${byteLength} bytes for ${type.dtype} ${quote(shape)}, got ${place.byteLength}`);
  return { ...place, tensor: { dtype: type.dtype, shape, file: file.name, ...place, transposed: false } };
}

function isSizes(value: unknown): value is number[] {
  return Array.isArray(value) && value.every((size) => Number.isSafeInteger(size) && size >= 0);
}
