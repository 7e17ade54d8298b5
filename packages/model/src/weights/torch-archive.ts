/**
 * Writes files as `torch.save` does since 1.6 (`torch/serialization.py`, `_save`): a zip archive of stored records, each beginning at a multiple of 64
 * bytes, with a pickle of protocol 2 that calls nothing but `torch._utils._rebuild_tensor_v2` and `collections.OrderedDict`, as `weights_only=True` allows.
 */
import { tensorBytes, type TensorHeader } from "./safetensors-header.js";
import type { WeightDtype } from "./tensor-reference.js";

/** A tensor of a file that is to be written. */
export interface TorchRecord extends TensorHeader {
  /** CRC-32 of its bytes. */
  readonly crc32: number;
}

/** What is beside the tensors, such as cn_clip's `epoch`, `step` and `name`; integers and text. */
export type TorchFields = Readonly<Record<string, number | string>>;

/** A part of the file: bytes, or the contents of the tensor of that number. */
export type TorchPart = Uint8Array | { readonly tensor: number };

const ALIGNMENT = 64;
const LIMIT = 2 ** 32 - 1;
const STORAGES: Readonly<Partial<Record<WeightDtype, string>>> = {
  F64: "DoubleStorage",
  F32: "FloatStorage",
  F16: "HalfStorage",
  BF16: "BFloat16Storage",
  I64: "LongStorage",
};
const encoder = new TextEncoder();

/**
 * The parts of a file that holds `{...fields, state_dict}`, in order.
 *
 * @param name - of the archive: the file's name without its extension.
 * @param crc32 - of bytes, as a zip archive has it.
 * @throws RangeError - a dtype that torch's storages here don't have.
 */
export function torchArchive(
  name: string,
  fields: TorchFields,
  tensors: readonly TorchRecord[],
  crc32: (bytes: Uint8Array) => number,
): readonly TorchPart[] {
  const record = (path: string, bytes: Uint8Array): ArchiveRecord => ({ path: `${name}/${path}`, byteLength: bytes.length, crc32: crc32(bytes), part: bytes }); // prettier-ignore
  return zipArchive([
    record("data.pkl", checkpointPickle(fields, tensors)),
    record("byteorder", encoder.encode("little")),
    ...tensors.map((tensor, i) => ({
      path: `${name}/data/${i}`,
      byteLength: tensorBytes(tensor),
      crc32: tensor.crc32,
      part: { tensor: i },
    })),
    record("version", encoder.encode("3\n")),
  ]);
}

interface ArchiveRecord {
  readonly path: string;
  readonly byteLength: number;
  readonly crc32: number;
  readonly part: TorchPart;
}

function zipArchive(records: readonly ArchiveRecord[]): TorchPart[] {
  const [parts, directory]: [TorchPart[], Uint8Array[]] = [[], []];
  let at = 0;
  for (const { path, byteLength, crc32, part } of records) {
    const name = encoder.encode(path);
    const isWide = byteLength > LIMIT;
    const wide = isWide ? [...le(1, 2), ...le(16, 2), ...le(byteLength, 8), ...le(byteLength, 8)] : [];
    const size = le(isWide ? LIMIT : byteLength, 4);
    const start = at + 30 + name.length + wide.length + 4;
    const padding = (ALIGNMENT - (start % ALIGNMENT)) % ALIGNMENT;
    // Version, flags (names in UTF-8), method (stored), time and date; 1980-01-01.
    const common = [...le(isWide ? 45 : 20, 2), ...le(0x800, 2), ...le(0, 2), ...le(0, 2), ...le(33, 2), ...le(crc32, 4), ...size, ...size, ...le(name.length, 2)]; // prettier-ignore
    const local = [...wide, 0x46, 0x42, ...le(padding, 2)]; // torch's padding: an extra field "FB"
    const header = bytesOf(encoder.encode("PK\x03\x04"), common, le(local.length + padding, 2), name, local, new Uint8Array(padding));
    const isFar = at > LIMIT;
    const places = [...(isWide ? [...le(byteLength, 8), ...le(byteLength, 8)] : []), ...(isFar ? le(at, 8) : [])];
    const extra = places.length === 0 ? [] : [...le(1, 2), ...le(places.length, 2), ...places];
    directory.push(bytesOf(encoder.encode("PK\x01\x02"), le(45, 2), common, le(extra.length, 2), le(0, 10), le(isFar ? LIMIT : at, 4), name, extra)); // prettier-ignore
    parts.push(header, part);
    at += header.length + byteLength;
  }
  const list = bytesOf(...directory);
  const count = records.length;
  const end64 = at + list.length;
  const [n, size, start] = [Math.min(count, 0xffff), Math.min(list.length, LIMIT), Math.min(at, LIMIT)];
  const wide =
    at > LIMIT || count > 0xffff
      ? bytesOf(encoder.encode("PK\x06\x06"), le(44, 8), le(45, 2), le(45, 2), le(0, 8), le(count, 8), le(count, 8), le(list.length, 8), le(at, 8), encoder.encode("PK\x06\x07"), le(0, 4), le(end64, 8), le(1, 4)) // prettier-ignore
      : new Uint8Array();
  const end = bytesOf(encoder.encode("PK\x05\x06"), le(0, 4), le(n, 2), le(n, 2), le(size, 4), le(start, 4), le(0, 2));
  return [...parts, list, wide, end];
}

/** The pickle of `{...fields, "state_dict": OrderedDict of the tensors}`. */
function checkpointPickle(fields: TorchFields, tensors: readonly TorchRecord[]): Uint8Array {
  const items = Object.entries(fields).flatMap(([key, value]) => [text(key), typeof value === "number" ? integer(value) : text(value)]);
  const state = [ORDERED_DICT, "(", ...tensors.flatMap((tensor, i) => [text(tensor.name), pickledTensor(tensor, i)]), "u"];
  return pickleBytes([[0x80, 2], "}", "(", ...items, text("state_dict"), ...state, "u", "."]);
}

type Opcodes = string | readonly number[] | Uint8Array;

/** An empty `collections.OrderedDict()`. */
const ORDERED_DICT = "ccollections\nOrderedDict\n)R";

/** `_rebuild_tensor_v2(storage, 0, shape, strides, False, OrderedDict())`, where the storage is the record of that number. */
function pickledTensor(tensor: TorchRecord, index: number): Uint8Array {
  const { dtype, shape } = tensor;
  const storage = STORAGES[dtype];
  if (storage === undefined) throw new RangeError(`torchArchive: expected ${Object.keys(STORAGES).join(", ")}, got ${dtype}`);
  const numel = shape.reduce((size, extent) => size * extent, 1);
  const tuple = (values: readonly number[]): Opcodes[] => ["(", ...values.map(integer), "t"];
  return pickleBytes([
    "ctorch._utils\n_rebuild_tensor_v2\n(",
    "(",
    text("storage"),
    `ctorch\n${storage}\n`,
    text(String(index)),
    text("cpu"),
    integer(numel),
    "tQ",
    integer(0),
    ...tuple(shape),
    ...tuple(rowMajor(shape)),
    [0x89],
    ORDERED_DICT,
    "tR",
  ]);
}

/** Elements from one index to the next, for each axis. */
function rowMajor(shape: readonly number[]): number[] {
  return shape.map((_, axis) => shape.slice(axis + 1).reduce((size, extent) => size * extent, 1));
}

function text(value: string): Uint8Array {
  const bytes = encoder.encode(value);
  return bytesOf(encoder.encode("X"), le(bytes.length, 4), bytes);
}

/** `BININT`, or `LONG1` of eight bytes. */
function integer(value: number): Uint8Array {
  return value < 2 ** 31 ? bytesOf(encoder.encode("J"), le(value, 4)) : bytesOf([0x8a, 8], le(value, 8));
}

function pickleBytes(opcodes: readonly Opcodes[]): Uint8Array {
  return bytesOf(...opcodes.map((opcode) => (typeof opcode === "string" ? encoder.encode(opcode) : opcode)));
}

function le(value: number, size: number): number[] {
  return Array.from({ length: size }, (_, i) => Math.floor(value / 256 ** i) % 256);
}

function bytesOf(...parts: readonly ArrayLike<number>[]): Uint8Array {
  const all = new Uint8Array(parts.reduce((length, part) => length + part.length, 0));
  let at = 0;
  for (const part of parts) {
    all.set(part, at);
    at += part.length;
  }
  return all;
}
