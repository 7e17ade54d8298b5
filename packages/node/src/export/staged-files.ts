/**
 * A model's files on their way into a folder, where they appear together and whole or not at all. Weights are copied by ranges; a chunk of
 * them is in memory at a time.
 */
import { createHash } from "node:crypto";
import { type FileHandle, mkdir, open } from "node:fs/promises";
import { dirname, join } from "node:path";
import { crc32 } from "node:zlib";
import { CheckpointError, type ExternalData } from "@chinese-clip/model";
import type { Piece } from "@chinese-clip/model/onnx";
import type { LoadProgress } from "@chinese-clip/pipeline";
import { stageFolder, writingTo } from "@chinese-clip/pipeline/node";
import { checkOpen, type WeightsStamp } from "../files/weights-files.js";
import type { DiskModelFiles } from "../sources/open-model.js";

/** Bytes copied at a time: enough to keep a disk busy, little enough to stop within a moment. */
const CHUNK_BYTES = 1 << 22;

/** What ranges are read from, and what progress events call it. */
export type SourceModel = Pick<DiskModelFiles, "folderOf" | "stampsOf" | "source">;

/** Where the bytes come from and where progress goes. */
export interface StagingOptions {
  /** The folder that the files are written to. */
  readonly folder: string;
  /** The model's files, which ranges are of by their `location`. */
  readonly files: SourceModel;
  readonly signal: AbortSignal | undefined;
  readonly onProgress: ((event: LoadProgress) => void) | undefined;
}

/** The contents of a file that are made while it is written. */
export interface MadeContents {
  /** How many bytes there will be. */
  readonly byteLength: number;
  /** The bytes, in order. */
  chunks(): AsyncIterable<Uint8Array>;
}

/** A file that was written. */
export interface StagedFile {
  /** Its path in the folder. */
  readonly name: string;
  readonly bytes: number;
  /** In hex. */
  readonly sha256: string;
}

/** Files on their way into a folder. */
export class StagedFiles {
  readonly #options: StagingOptions;
  readonly #staging: string;
  readonly #names: string[] = [];

  private constructor(options: StagingOptions, staging: string) {
    this.#options = options;
    this.#staging = staging;
  }

  /**
   * Writes files; where `write` fails, none of them is left.
   *
   * @returns absolute paths of the files, in the order in which they were written.
   */
  static async write(options: StagingOptions, write: (files: StagedFiles) => Promise<void>): Promise<readonly string[]> {
    const { folder, signal } = options;
    let names: readonly string[] = [];
    await stageFolder(
      folder,
      async (staging) => {
        const files = new StagedFiles(options, staging);
        names = files.#names;
        await write(files);
      },
      signal,
    );
    return names.map((name) => join(folder, name));
  }

  /** Adds a file. @param name - its path in the folder. */
  async add(name: string, contents: readonly Piece[] | MadeContents): Promise<StagedFile> {
    const { folder, files, signal, onProgress } = this.#options;
    const { source } = files;
    const path = join(this.#staging, name);
    await writingTo(folder, () => mkdir(dirname(path), { recursive: true }));
    const total = "chunks" in contents ? contents.byteLength : contents.reduce((sum, piece) => sum + piece.length, 0);
    const file = join(name);
    onProgress?.({ status: "initiate", name: source, file });
    this.#names.push(name);
    const sources = new SourceFiles(files);
    const hash = createHash("sha256");
    const target = await writingTo(folder, () => open(path, "wx"));
    try {
      let loaded = 0;
      for await (const piece of "chunks" in contents ? contents.chunks() : contents) {
        for (let at = 0; at < piece.length; at += CHUNK_BYTES) {
          signal?.throwIfAborted();
          const end = Math.min(at + CHUNK_BYTES, piece.length);
          // Chunk by chunk: that is the point.
          const bytes = piece instanceof Uint8Array ? piece.subarray(at, end) : await sources.read(piece, at, end);
          hash.update(bytes);
          await writingTo(folder, () => writeAll(target, bytes));
          loaded += end - at;
          onProgress?.({ status: "progress", name: source, file, progress: (100 * loaded) / total, loaded, total });
        }
      }
      await writingTo(folder, () => target.datasync());
    } finally {
      await Promise.all([target.close(), sources.close()]);
    }
    onProgress?.({ status: "done", name: source, file });
    return { name, bytes: total, sha256: hash.digest("hex") };
  }
}

/** The whole of a range that is small enough to be held in memory. */
export async function readPiece(files: SourceModel, range: ExternalData): Promise<Uint8Array> {
  const sources = new SourceFiles(files);
  try {
    return await sources.read(range, 0, range.length);
  } finally {
    await sources.close();
  }
}

/** CRC-32 of contents, a chunk of which is in memory at a time. */
export async function checksum(files: SourceModel, pieces: readonly Piece[]): Promise<number> {
  const sources = new SourceFiles(files);
  try {
    let sum = 0;
    for (const piece of pieces) {
      for (let at = 0; at < piece.length; at += CHUNK_BYTES) {
        const end = Math.min(at + CHUNK_BYTES, piece.length);
        sum = crc32(piece instanceof Uint8Array ? piece.subarray(at, end) : await sources.read(piece, at, end), sum);
      }
    }
    return sum;
  } finally {
    await sources.close();
  }
}

/** The files that ranges are of, each opened once. */
class SourceFiles {
  readonly #files: SourceModel;
  readonly #opened: Map<string, { readonly handle: FileHandle; readonly stamp: WeightsStamp | undefined }> = new Map();

  constructor(files: SourceModel) {
    this.#files = files;
  }

  /**
   * The bytes `[start, end)` of a range.
   *
   * @throws InferenceError - `weights-changed`: the file is not the one whose header said where the range is.
   */
  async read({ location, offset }: ExternalData, start: number, end: number): Promise<Uint8Array> {
    const { handle, stamp } = this.#opened.get(location) ?? (await this.#open(location));
    const bytes = new Uint8Array(end - start);
    for (let filled = 0; filled < bytes.length;) {
      const at = offset + start + filled;
      const { bytesRead } = await handle.read(bytes, filled, bytes.length - filled, at);
      if (bytesRead === 0) {
        if (stamp !== undefined) await checkOpen(handle, stamp);
        throw new CheckpointError("malformed", `${location}: expected bytes up to ${offset + end}, but the file ends at ${at}`, {
          file: location,
        });
      }
      filled += bytesRead;
    }
    if (stamp !== undefined) await checkOpen(handle, stamp);
    return bytes;
  }

  async #open(location: string): Promise<{ readonly handle: FileHandle; readonly stamp: WeightsStamp | undefined }> {
    const [stamp] = await this.#files.stampsOf([location]);
    const opened = { handle: await open(join(this.#files.folderOf([location]), location), "r"), stamp };
    this.#opened.set(location, opened);
    return opened;
  }

  async close(): Promise<void> {
    await Promise.all([...this.#opened.values()].map(({ handle }) => handle.close()));
  }
}

async function writeAll(target: FileHandle, bytes: Uint8Array): Promise<void> {
  for (let written = 0; written < bytes.length;) {
    written += (await target.write(bytes, written)).bytesWritten;
  }
}
