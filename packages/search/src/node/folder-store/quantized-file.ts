/**
 * The rows of a generation as 8-bit integers, in `int8.<generation>.bin`, so that an index opens without reading and quantising all of its vectors. It can
 * be made again at any time: nothing is synced, and what is missing or damaged in it is made of the vectors. A block of rows is stored with a checksum of
 * itself, and with one of what the log states of the same rows, so that a block of other vectors is never used.
 */
import { type FileHandle, open, rm } from "node:fs/promises";
import { join } from "node:path";
import { crc32 } from "node:zlib";
import { hasInt8Kernel, Int8Matrix } from "../../top-k/int8-matrix.js";
import type { RowMatrix } from "../../top-k/row-matrix.js";
import { type IndexHead, readAll, writeAll } from "./index-files.js";
import type { VectorSums } from "./vector-sums.js";

/** Rows of a block. */
const ROWS = 1024;

/** Bytes before the first block. */
const HEAD = 256;

/** Bytes after a block's rows: both checksums. */
const TRAILER = 8;

/** Blocks that one call of a writer makes up for, at most: an index of an earlier release has none of them. */
const BLOCKS_PER_CALL = 64;

/** Blocks whose checksums are read together. */
const READ_BLOCKS = 8;

/** What an index has in memory and its checksums. */
interface Quantizable {
  readonly dim: number;
  readonly matrix: RowMatrix | Int8Matrix;
  readonly sums: VectorSums;
}

/** The file of one generation. */
export class QuantizedFile {
  readonly #name: string;
  readonly #signature: Buffer;
  readonly #width: number;
  /** Undefined where there is no file yet. */
  #handle: FileHandle | undefined;
  /** Whole blocks of the file that are of this log. */
  #blocks = 0;
  #isClosed = false;

  private constructor(name: string, head: IndexHead, handle: FileHandle | undefined) {
    [this.#name, this.#signature, this.#handle] = [name, signatureOf(head), handle];
    this.#width = Int8Matrix.widthOf(head.dim);
  }

  /**
   * Opens the file. One that is missing, or not this generation's, is made once a writer has rows for it.
   *
   * @returns undefined where there is none to read.
   */
  static async open(folder: string, head: IndexHead, mode: "r" | "r+"): Promise<QuantizedFile | undefined> {
    if (!hasInt8Kernel()) return undefined;
    const name = join(folder, `int8.${head.generation}.bin`);
    const handle = await open(name, mode).catch(() => undefined);
    const bytes = Buffer.alloc(HEAD);
    const length = handle === undefined ? 0 : await readAll(handle, bytes, 0).catch(() => 0);
    if (length === HEAD && bytes.equals(signatureOf(head))) return new QuantizedFile(name, head, handle);
    await handle?.close();
    return mode === "r" ? undefined : new QuantizedFile(name, head, undefined);
  }

  get #blockBytes(): number {
    return ROWS * (this.#width + 8) + TRAILER;
  }

  /**
   * Appends blocks to an empty matrix, up to the first that is missing, damaged, or of other vectors than the log states.
   *
   * @param rows - that the log states.
   * @returns how many rows were appended.
   */
  async load(matrix: Int8Matrix, sums: VectorSums, rows: number): Promise<number> {
    const size = this.#blockBytes;
    const wanted = Math.floor(rows / ROWS);
    const buffers = [0, 1].map(() => new Uint8Array(READ_BLOCKS * size));
    const read = async (first: number): Promise<Uint8Array> => {
      const bytes = (buffers[(first / READ_BLOCKS) % 2] as Uint8Array).subarray(0, Math.min(READ_BLOCKS, wanted - first) * size);
      return bytes.subarray(0, await this.#read(bytes, HEAD + first * size));
    };
    let next = read(0);
    for (let first = 0; first < wanted; first += READ_BLOCKS) {
      const bytes = await next;
      next = first + READ_BLOCKS < wanted ? read(first + READ_BLOCKS) : Promise.resolve(new Uint8Array(0));
      for (let i = 0; i < Math.min(READ_BLOCKS, wanted - first); i++) {
        const block = bytes.subarray(i * size, (i + 1) * size);
        if (block.length < size || !this.#isOf(block, first + i, sums)) {
          await next;
          return this.#blocks * ROWS;
        }
        const scales = block.slice(ROWS * this.#width, size - TRAILER);
        matrix.appendQuantized(block.subarray(0, ROWS * this.#width), new Float32Array(scales.buffer));
        this.#blocks++;
      }
    }
    return this.#blocks * ROWS;
  }

  /** Finds the blocks that are of this log, without reading them: what a writer continues after. */
  async skip(sums: VectorSums): Promise<void> {
    const trailer = Buffer.alloc(TRAILER);
    for (this.#blocks = 0; (this.#blocks + 1) * ROWS <= sums.rows; this.#blocks++) {
      const length = await this.#read(trailer, HEAD + (this.#blocks + 1) * this.#blockBytes - TRAILER);
      if (length < TRAILER || trailer.readUInt32LE(0) !== keyOf(sums, this.#blocks)) return;
    }
  }

  /** Writes blocks that are complete by now. A failure ends the use of the file: the index is whole without it. */
  async advance(state: Quantizable, most: number = BLOCKS_PER_CALL): Promise<void> {
    const { dim, matrix, sums } = state;
    const rows = Math.min(sums.rows, matrix.count);
    try {
      for (let i = 0; i < most && !this.#isClosed && (this.#blocks + 1) * ROWS <= rows; i++) {
        const first = this.#blocks * ROWS;
        const source = matrix instanceof Int8Matrix ? matrix : quantized(matrix, dim, first);
        const block = new Uint8Array(this.#blockBytes);
        source.exportRows(source === matrix ? first : 0, ROWS, block, new Float32Array(block.buffer, ROWS * this.#width, 2 * ROWS));
        const trailer = new DataView(block.buffer, block.length - TRAILER);
        trailer.setUint32(0, keyOf(sums, this.#blocks), true);
        trailer.setUint32(4, crc32(block.subarray(0, -4)), true);
        this.#handle ??= await this.#make();
        await writeAll(this.#handle, block, HEAD + this.#blocks * this.#blockBytes);
        this.#blocks++;
      }
    } catch {
      await this.close();
    }
  }

  /** Idempotent. */
  async close(): Promise<void> {
    if (this.#isClosed) return;
    this.#isClosed = true;
    await this.#handle?.close().catch(() => undefined);
  }

  /** @returns how many bytes there are. */
  async #read(bytes: Uint8Array, position: number): Promise<number> {
    return this.#handle === undefined ? 0 : readAll(this.#handle, bytes, position).catch(() => 0);
  }

  async #make(): Promise<FileHandle> {
    await rm(this.#name, { force: true });
    const handle = await open(this.#name, "wx+");
    await writeAll(handle, this.#signature, 0).catch(async (error: unknown) => {
      await handle.close();
      throw error;
    });
    return handle;
  }

  #isOf(block: Uint8Array, number: number, sums: VectorSums): boolean {
    const trailer = new DataView(block.buffer, block.byteOffset + block.length - TRAILER, TRAILER);
    return trailer.getUint32(0, true) === keyOf(sums, number) && trailer.getUint32(4, true) === crc32(block.subarray(0, -4));
  }
}

function keyOf(sums: VectorSums, block: number): number {
  return sums.keyOf(block * ROWS, (block + 1) * ROWS);
}

/** Rows of a block that memory has in float32. */
function quantized(matrix: RowMatrix, dim: number, first: number): Int8Matrix {
  const made = new Int8Matrix(dim);
  for (let row = first; row < first + ROWS; row++) made.append(matrix.row(row));
  return made;
}

function signatureOf({ generation, dim }: IndexHead): Buffer {
  return Buffer.from(`${JSON.stringify({ format: "chinese-clip-int8", version: 1, generation, dim }).padEnd(HEAD - 1)}\n`);
}
