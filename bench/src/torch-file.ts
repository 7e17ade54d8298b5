/**
 * Writes a file as `torch.save` does: a zip of stored entries, a pickle that says what they are, and one entry of raw bytes for each
 * storage. Enough for a state dict of float32 tensors in cn_clip's wrapping.
 */
import { type FileHandle, open, rename } from "node:fs/promises";
import { crc32 } from "node:zlib";
import { product } from "./random-weights.js";

/** A tensor to write: its values are asked for when their turn comes, so that only one is in memory. */
export interface TensorToWrite {
  readonly name: string;
  readonly shape: readonly number[];
  values(): Float32Array;
}

/** Writes `{ epoch, step, name, state_dict }`. Below 4 GB, for which no zip64 is needed. */
export async function writeTorchFile(path: string, modelName: string, tensors: readonly TensorToWrite[]): Promise<void> {
  const file = await open(`${path}.part`, "w");
  try {
    const zip = new StoredZip(file);
    await zip.add("archive/data.pkl", pickle(modelName, tensors));
    await zip.add("archive/byteorder", new TextEncoder().encode("little"));
    for (const [key, tensor] of tensors.entries()) await zip.add(`archive/data/${key}`, new Uint8Array(tensor.values().buffer));
    await zip.add("archive/version", new TextEncoder().encode("3\n"));
    await zip.finish();
  } finally {
    await file.close();
  }
  await rename(`${path}.part`, path);
}

/** torch aligns each entry's data by a padding in the extra field. */
const ALIGNMENT = 64;

class StoredZip {
  readonly #file: FileHandle;
  readonly #directory: Uint8Array[] = [];
  #length = 0;

  constructor(file: FileHandle) {
    this.#file = file;
  }

  async add(name: string, data: Uint8Array): Promise<void> {
    const nameBytes = new TextEncoder().encode(name);
    const unpadded = this.#length + 30 + nameBytes.length + 4;
    const padding = new Uint8Array(4 + ((ALIGNMENT - (unpadded % ALIGNMENT)) % ALIGNMENT)).fill(0x5a);
    new DataView(padding.buffer).setUint16(0, 0x4246, true); // "FB", torch's own mark
    new DataView(padding.buffer).setUint16(2, padding.length - 4, true);
    const common = bytes(2, [20, 0, 0, 0, 0x21]).concat(bytes(4, [crc32(data), data.length, data.length]), bytes(2, [nameBytes.length]));
    this.#directory.push(Uint8Array.from([...bytes(4, [0x02014b50]), ...bytes(2, [0]), ...common, ...bytes(2, [0, 0, 0, 0]), ...bytes(4, [0, this.#length]), ...nameBytes])); // prettier-ignore
    await this.#write(Uint8Array.from([...bytes(4, [0x04034b50]), ...common, ...bytes(2, [padding.length]), ...nameBytes, ...padding]));
    await this.#write(data);
  }

  async finish(): Promise<void> {
    const start = this.#length;
    for (const entry of this.#directory) await this.#write(entry);
    const count = this.#directory.length;
    await this.#write(Uint8Array.from([...bytes(4, [0x06054b50]), ...bytes(2, [0, 0, count, count]), ...bytes(4, [this.#length - start, start]), ...bytes(2, [0])])); // prettier-ignore
  }

  async #write(data: Uint8Array): Promise<void> {
    await this.#file.write(data);
    this.#length += data.length;
  }
}

/** Each value as `width` bytes, little-endian. */
function bytes(width: 2 | 4, values: readonly number[]): number[] {
  return values.flatMap((value) => Array.from({ length: width }, (_, i) => Math.floor(value / 256 ** i) & 0xff));
}

/** The pickle, protocol 2, opcode by opcode as Python's `pickle` writes it, less the memo. */
function pickle(modelName: string, tensors: readonly TensorToWrite[]): Uint8Array {
  const out: number[] = [0x80, 2];
  const text = (value: string): void => {
    const encoded = new TextEncoder().encode(value);
    out.push(0x58, ...bytes(4, [encoded.length]), ...encoded);
  };
  const int = (value: number): void => void out.push(0x4a, ...bytes(4, [value]));
  const global = (module: string, name: string): void => void out.push(0x63, ...new TextEncoder().encode(`${module}\n${name}\n`));
  const tuple = (values: readonly number[]): void => {
    out.push(0x28);
    for (const value of values) int(value);
    out.push(0x74);
  };
  const emptyOrderedDict = (): void => {
    global("collections", "OrderedDict");
    out.push(0x29, 0x52);
  };

  out.push(0x7d, 0x28); // {, (
  text("epoch");
  int(15);
  text("step");
  int(0);
  text("name");
  text(modelName);
  text("state_dict");
  emptyOrderedDict();
  out.push(0x28);
  for (const [key, { name, shape }] of tensors.entries()) {
    text(name);
    global("torch._utils", "_rebuild_tensor_v2");
    out.push(0x28, 0x28); // its arguments, and the storage's
    text("storage");
    global("torch", "FloatStorage");
    text(String(key));
    text("cpu");
    int(product(shape));
    out.push(0x74, 0x51); // tuple, persistent id
    int(0);
    tuple(shape);
    tuple(shape.map((_, axis) => product(shape.slice(axis + 1))));
    out.push(0x89); // requires_grad: False
    emptyOrderedDict();
    out.push(0x74, 0x52);
  }
  out.push(0x75, 0x75, 0x2e); // both dictionaries' items, stop
  return Uint8Array.from(out);
}
