/**
 * Writes files as `torch.save` does, and as nobody should: a pickle from its opcodes, a zip archive from its records.
 */
import { deflateRawSync } from "node:zlib";
import type { StoredTensor, WeightDtype } from "../src/index.js";

/** A tensor with its numbers. */
export interface Tensor {
  readonly dtype: WeightDtype;
  readonly shape: readonly number[];
  readonly data: Uint8Array;
}

const encoder = new TextEncoder();
const le = (value: number, size: number): number[] => Array.from({ length: size }, (_, i) => Math.floor(value / 256 ** i) % 256);
export const bytesOf = (...parts: readonly (ArrayLike<number> | string)[]): Uint8Array => {
  const arrays = parts.map((part) => (typeof part === "string" ? encoder.encode(part) : Uint8Array.from(part)));
  const all = new Uint8Array(arrays.reduce((length, part) => length + part.length, 0));
  let at = 0;
  for (const part of arrays) {
    all.set(part, at);
    at += part.length;
  }
  return all;
};

/** Opcodes of protocol 2. */
export const py = {
  none: Uint8Array.of(0x4e),
  false: Uint8Array.of(0x89),
  true: Uint8Array.of(0x88),
  int: (value: number): Uint8Array => (value < 2 ** 31 ? bytesOf("J", le(value, 4)) : bytesOf([0x8a, 8], le(value, 8))),
  str: (value: string): Uint8Array => bytesOf("X", le(encoder.encode(value).length, 4), value),
  global: (module: string, name: string): Uint8Array => bytesOf("c", module, "\n", name, "\n"),
  tuple: (...items: readonly Uint8Array[]): Uint8Array => bytesOf("(", ...items, "t"),
  list: (...items: readonly Uint8Array[]): Uint8Array => bytesOf("](", ...items, "e"),
  dict: (...entries: readonly (readonly [Uint8Array, Uint8Array])[]): Uint8Array => bytesOf("}(", ...entries.flat(), "u"),
  call: (callee: Uint8Array, ...args: readonly Uint8Array[]): Uint8Array => bytesOf(callee, py.tuple(...args), "R"),
  persistent: (id: Uint8Array): Uint8Array => bytesOf(id, "Q"),
  pickle: (...body: readonly Uint8Array[]): Uint8Array => bytesOf([0x80, 2], ...body, "."),
};

const STORAGE: Partial<Record<WeightDtype, string>> = {
  F32: "FloatStorage",
  F16: "HalfStorage",
  BF16: "BFloat16Storage",
  I64: "LongStorage",
};
const SIZE: Partial<Record<WeightDtype, number>> = { F32: 4, F16: 2, BF16: 2, I64: 8 };

/** A tensor's call in a pickle; what is given may be nonsense. */
export function pickledTensor(
  dtype: WeightDtype,
  key: string,
  numel: number,
  shape: readonly number[],
  { offset = 0, stride = rowMajor(shape), legacy = false }: { offset?: number; stride?: readonly number[]; legacy?: boolean } = {},
): Uint8Array {
  const id = [
    py.str("storage"),
    py.global("torch", STORAGE[dtype] ?? ""),
    py.str(key),
    py.str("cpu"),
    py.int(numel),
    ...(legacy ? [py.none] : []),
  ];
  return py.call(
    py.global("torch._utils", "_rebuild_tensor_v2"),
    py.persistent(py.tuple(...id)),
    py.int(offset),
    py.tuple(...shape.map(py.int)),
    py.tuple(...stride.map(py.int)),
    py.false,
    py.call(py.global("collections", "OrderedDict")),
  );
}

function rowMajor(shape: readonly number[]): number[] {
  return shape.map((_, axis) => shape.slice(axis + 1).reduce((a, b) => a * b, 1));
}

/** The dict in the pickle of a state dict, each tensor's storage by its place in the map, from `first` on. */
export function pickledDict(tensors: ReadonlyMap<string, Tensor>, { legacy = false, first = 0 } = {}): Uint8Array {
  const entries = [...tensors].map(([name, { dtype, shape, data }], i): [Uint8Array, Uint8Array] => [
    py.str(name),
    pickledTensor(dtype, String(first + i), data.length / (SIZE[dtype] ?? 1), shape, { legacy }),
  ]);
  return py.dict(...entries);
}

/** A state dict, and cn_clip's wrapper with an optimizer's state around it where `wrapped`. */
export function stateDict(tensors: ReadonlyMap<string, Tensor>, { wrapped = false, legacy = false } = {}): Uint8Array {
  const dict = pickledDict(tensors, { legacy });
  if (!wrapped) return py.pickle(dict);
  // The optimizer's storages are not in the file: whoever reads one fails.
  const moment = pickledTensor("F32", "missing", 1000, [10, 100], { legacy });
  const state = py.dict([py.int(0), py.dict([py.str("step"), py.int(5)], [py.str("exp_avg"), moment])]);
  return py.pickle(
    py.dict(
      [py.str("epoch"), py.int(1)],
      [py.str("step"), py.int(2 ** 40)],
      [py.str("name"), py.str("模型")],
      [py.str("state_dict"), dict],
      [py.str("optimizer"), py.dict([py.str("state"), state])],
    ),
  );
}

/** What may be unusual about an archive. */
export interface ZipOptions {
  /** Whether sizes and offsets are written as 64 bits. */
  readonly zip64?: boolean;
  /** Where the next entry starts; default: where the one before ends. */
  readonly place?: (name: string, at: number) => number;
  /** Last changes to an entry's header. */
  readonly local?: (name: string, header: DataView) => void;
  /** Last changes to the directory. */
  readonly directory?: (name: string, entry: DataView) => void;
}

/** An entry: bytes to store, or to deflate. */
export type ZipInput = readonly [name: string, data: Uint8Array, method?: 0 | 8];

/** Bytes at an offset of a file that is otherwise zeros. */
export type Piece = readonly [at: number, bytes: Uint8Array];

/** A zip archive, as pieces: it may be larger than memory. */
export function zipPieces(
  inputs: readonly ZipInput[],
  { zip64 = false, place, local, directory }: ZipOptions = {},
): { pieces: Piece[]; length: number } {
  const pieces: Piece[] = [];
  const entries: Uint8Array[] = [];
  let at = 0;
  for (const [name, data, method = 0] of inputs) {
    at = place?.(name, at) ?? at;
    const packed = method === 8 ? deflateRawSync(data) : data;
    const encoded = encoder.encode(name);
    // As torch: no sizes before the data, padding so that it starts at a multiple of 64.
    const padding = (64 - ((at + 30 + encoded.length + 4) % 64)) % 64;
    const header = bytesOf("PK\x03\x04", le(0, 2), le(0x808, 2), le(method, 2), le(0, 16), le(encoded.length, 2), le(padding + 4, 2), encoded, "FB", le(padding, 2), new Uint8Array(padding)); // prettier-ignore
    local?.(name, new DataView(header.buffer));
    pieces.push([at, header], [at + header.length, packed]);
    const sizes = zip64 ? [0xffffffff, 0xffffffff] : [packed.length, data.length];
    const extra = zip64 ? bytesOf(le(1, 2), le(24, 2), le(data.length, 8), le(packed.length, 8), le(at, 8)) : new Uint8Array(0);
    const entry = bytesOf("PK\x01\x02", le(0, 2), le(0, 2), le(0x808, 2), le(method, 2), le(0, 8), le(sizes[0] ?? 0, 4), le(sizes[1] ?? 0, 4), le(encoded.length, 2), le(extra.length, 2), le(0, 10), le(zip64 ? 0xffffffff : at, 4), encoded, extra); // prettier-ignore
    directory?.(name, new DataView(entry.buffer));
    entries.push(entry);
    at += header.length + packed.length;
  }
  const listing = bytesOf(...entries);
  const end64 = at + listing.length;
  const count = inputs.length;
  const wide = bytesOf("PK\x06\x06", le(44, 8), le(0, 12), le(count, 8), le(count, 8), le(listing.length, 8), le(at, 8), "PK\x06\x07", le(0, 4), le(end64, 8), le(1, 4)); // prettier-ignore
  const narrow = zip64 ? [0xffff, 0xffffffff, 0xffffffff] : [count, listing.length, at];
  const [n = 0, size = 0, start = 0] = narrow;
  const end = bytesOf(zip64 ? wide : [], "PK\x05\x06", le(0, 4), le(n, 2), le(n, 2), le(size, 4), le(start, 4), le(0, 2));
  pieces.push([at, listing], [end64, end]);
  return { pieces, length: end64 + end.length };
}

/** A zip archive. */
export function zip(inputs: readonly ZipInput[], options?: ZipOptions): Uint8Array {
  const { pieces, length } = zipPieces(inputs, options);
  const bytes = new Uint8Array(length);
  for (const [at, piece] of pieces) bytes.set(piece, at);
  return bytes;
}

/** The entries of a file that `torch.save` writes. */
export function torchEntries(
  tensors: ReadonlyMap<string, Tensor>,
  options: { wrapped?: boolean; archive?: string; pickle?: Uint8Array } = {},
): ZipInput[] {
  const { archive = "archive", pickle = stateDict(tensors, options) } = options;
  return [
    [`${archive}/data.pkl`, pickle],
    [`${archive}/byteorder`, bytesOf("little")],
    ...[...tensors.values()].map(({ data }, i): ZipInput => [`${archive}/data/${i}`, data]),
    [`${archive}/version`, bytesOf("3\n")],
    [`${archive}/.data/serialization_id`, bytesOf("0123456789")],
  ];
}

/** A file as `torch.save` wrote it before 1.6. */
export function torchLegacy(tensors: ReadonlyMap<string, Tensor>, options: { wrapped?: boolean; pickle?: Uint8Array } = {}): Uint8Array {
  const keys = [...tensors.values()].map((_, i) => String(i));
  return bytesOf(
    py.pickle(bytesOf([0x8a, 10, 0x6c, 0xfc, 0x9c, 0x46, 0xf9, 0x20, 0x6a, 0xa8, 0x50, 0x19])),
    py.pickle(py.int(1001)),
    py.pickle(py.dict([py.str("protocol_version"), py.int(1001)], [py.str("little_endian"), py.true])),
    options.pickle ?? stateDict(tensors, { ...options, legacy: true }),
    py.pickle(py.list(...keys.toReversed().map(py.str))),
    ...[...tensors.values()].toReversed().flatMap(({ data, dtype }) => [le(data.length / (SIZE[dtype] ?? 1), 8), data]),
  );
}

/** The tensors of a checkpoint with their numbers, transposed ones as their names say. */
export function load(tensors: ReadonlyMap<string, StoredTensor>, file: Uint8Array): Map<string, Tensor> {
  return new Map(
    [...tensors].map(([name, { dtype, shape, byteOffset, byteLength, transposed, bytes }]) => {
      const data = bytes ?? file.slice(byteOffset, byteOffset + byteLength);
      return [name, transposed ? transpose({ dtype, shape, data }) : { dtype, shape, data }];
    }),
  );
}

export function transpose({ dtype, shape, data }: Tensor): Tensor {
  const [rows = 0, columns = 0] = shape;
  const size = SIZE[dtype] ?? 1;
  const turned = new Uint8Array(data.length);
  for (let row = 0; row < rows; row++) {
    for (let column = 0; column < columns; column++) {
      const from = (row * columns + column) * size;
      turned.set(data.subarray(from, from + size), (column * rows + row) * size);
    }
  }
  return { dtype, shape: [columns, rows], data: turned };
}
