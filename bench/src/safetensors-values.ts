/**
 * Reads float32 and int64 tensors out of one safetensors file, one at a time: enough to fill another file with them, or to compare with them.
 */
import { type FileHandle, open } from "node:fs/promises";

type Header = Readonly<Record<string, { readonly data_offsets: readonly [number, number] }>>;

/** An open file and where its tensors lie. */
export class SafetensorsValues {
  readonly #file: FileHandle;
  readonly #dataStart: number;
  readonly #header: Header;

  private constructor(file: FileHandle, dataStart: number, header: Header) {
    this.#file = file;
    this.#dataStart = dataStart;
    this.#header = header;
  }

  /** Opens a file and reads its header. */
  static async open(path: string): Promise<SafetensorsValues> {
    const file = await open(path);
    const prefix = Buffer.alloc(8);
    await file.read(prefix, 0, 8, 0);
    const json = Buffer.alloc(Number(prefix.readBigUInt64LE()));
    await file.read(json, 0, json.length, 8);
    return new SafetensorsValues(file, 8 + json.length, JSON.parse(json.toString()) as Header);
  }

  /** All values of one float32 tensor, a copy. */
  async values(name: string): Promise<Float32Array> {
    return new Float32Array((await this.#bytes(name)).buffer);
  }

  /** All values of one int64 tensor, a copy. */
  async integers(name: string): Promise<BigInt64Array> {
    return new BigInt64Array((await this.#bytes(name)).buffer);
  }

  close(): Promise<void> {
    return this.#file.close();
  }

  async #bytes(name: string): Promise<Uint8Array<ArrayBuffer>> {
    const entry = this.#header[name];
    if (entry === undefined) throw new Error(`SafetensorsValues: expected a tensor ${name}, got none`);
    const [start, end] = entry.data_offsets;
    const bytes = new Uint8Array(end - start);
    const { bytesRead } = await this.#file.read(bytes, 0, bytes.length, this.#dataStart + start);
    if (bytesRead !== bytes.length) throw new Error(`SafetensorsValues: expected ${bytes.length} bytes of ${name}, got ${bytesRead}`);
    return bytes;
  }
}
