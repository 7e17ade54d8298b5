/**
 * Reads the header of a safetensors file: eight bytes of length, then JSON that says where each tensor lies. Follows the
 * format's reference implementation (huggingface/safetensors, `safetensors/src/tensor.rs`) in what it refuses: the tensors
 * must fill the data section exactly, without holes or overlap, so every length is checked against the file's.
 */
import { malformed, quote } from "../checkpoint-error.js";
import type { CheckpointFile } from "./byte-source.js";
import { BYTES_PER_ELEMENT, MAX_RANK, type StoredTensor } from "./tensor-reference.js";

/** The reference implementation's ceiling; the published checkpoints' headers are below 100 kB. */
const MAX_HEADER_BYTES = 100_000_000;

/**
 * Reads which tensors a safetensors file holds. Only the header is read.
 *
 * @param start - the file's first bytes, at least 8, that its format was told by.
 * @returns tensor name -> reference, in the order of the data.
 * @throws {@link CheckpointError} `malformed`, naming the file and the tensor: not a safetensors file, cut short, a length
 * that does not fit, an unknown dtype.
 */
export async function readSafetensors(file: CheckpointFile, start: Uint8Array): Promise<Map<string, StoredTensor>> {
  const headerLength = Number(new DataView(start.buffer, start.byteOffset, 8).getBigUint64(0, true));
  const available = Math.min(MAX_HEADER_BYTES, file.byteLength - 8);
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
    .map(([name, entry]): [string, StoredTensor] => [name, parseEntry(file, name, entry, dataStart)])
    .toSorted(([, a], [, b]) => a.byteOffset - b.byteOffset || a.byteLength - b.byteLength);

  let end = dataStart;
  for (const [name, { byteOffset, byteLength }] of tensors) {
    if (byteOffset !== end) {
      malformed(
        file,
        `tensor ${name}: expected its data at byte ${end - dataStart}, where the one before ends, got ${byteOffset - dataStart}`,
        { tensor: name },
      );
    }
    end = byteOffset + byteLength;
  }
  if (end !== file.byteLength)
    malformed(file, `expected the tensors to end with the file, at byte ${file.byteLength}, but they end at ${end}`);
  return new Map(tensors);
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

function parseEntry(file: CheckpointFile, name: string, entry: unknown, dataStart: number): StoredTensor {
  const { dtype, shape, data_offsets: offsets } = (typeof entry === "object" && entry !== null ? entry : {}) as Record<string, unknown>;
  const type = typeof dtype === "string" ? BYTES_PER_ELEMENT.get(dtype) : undefined;
  if (type === undefined)
    malformed(file, `tensor ${name}: expected a dtype of ${[...BYTES_PER_ELEMENT.keys()].join(", ")}, got ${quote(dtype)}`, {
      tensor: name,
    });
  if (!isSizes(shape) || shape.length > MAX_RANK)
    malformed(file, `tensor ${name}: expected a shape of at most ${MAX_RANK} sizes, got ${quote(shape)}`, { tensor: name });
  if (!isSizes(offsets) || offsets.length !== 2)
    malformed(file, `tensor ${name}: expected two data_offsets, got ${quote(offsets)}`, { tensor: name });
  const [start = 0, end = 0] = offsets;
  const byteLength = shape.reduce((product, size) => product * size, type.bytes);
  if (end - start !== byteLength)
    malformed(file, `tensor ${name}: expected ${byteLength} bytes for ${type.dtype} ${quote(shape)}, got ${end - start}`, { tensor: name });
  if (dataStart + end > file.byteLength)
    malformed(
      file,
      `tensor ${name}: expected its data to end within the file's ${file.byteLength} bytes, got ${dataStart + end}; the file is cut short`,
      { tensor: name },
    );
  return { dtype: type.dtype, shape, file: file.name, byteOffset: dataStart + start, byteLength, transposed: false };
}

function isSizes(value: unknown): value is number[] {
  return Array.isArray(value) && value.every((size) => Number.isSafeInteger(size) && size >= 0);
}
