/**
 * A model that the user picked: a folder, by `<input type="file" webkitdirectory>` or by drag and drop, or files by name. Nothing is uploaded or
 * copied; only the needed ranges of large files are read.
 */
import { CheckpointError, type CheckpointFile } from "@chinese-clip/model";
import { isCheckpointFile } from "@chinese-clip/pipeline";
import type { ByteRange, ByteSink } from "../http/byte-ranges.js";
import type { WebFiles } from "./web-files.js";

/** Bytes of one read. */
const CHUNK_BYTES = 1 << 24;

/** Names that the pipeline looks for. */
const FOUND = /^(?:model(?:\.[\w-]+)?\.safetensors|pytorch_model(?:\.[\w-]+)?\.bin|.*\.(?:pt|pth|ckpt))$/u;
const ALIAS = "model.safetensors";

/** Files in the page's hands, as a source of `fromPretrained`. */
export class PickedFiles implements WebFiles {
  /** The model's name, for messages. */
  readonly source: string;
  readonly #files: ReadonlyMap<string, Blob>;

  /**
   * @param files - one model's files: `File`s, which have names, or names to bytes. In a folder, those in it itself and in its `onnx/`.
   * @param name - the model's name in messages. Default: the folder of the first file.
   */
  constructor(files: Iterable<File> | Readonly<Record<string, Blob | Uint8Array<ArrayBuffer> | ArrayBuffer>>, name?: string) {
    const entries: (readonly [string, Blob])[] =
      Symbol.iterator in files
        ? Array.from(files, (file) => [file.webkitRelativePath || file.name, file])
        : Object.entries(files).map(([path, content]) => [path, "arrayBuffer" in content ? content : new Blob([content])]);
    if (entries.length === 0) throw new RangeError("PickedFiles: expected at least one file, got none");
    // A picked folder's name is before each of its files'.
    const folder = /^[^/]*\//u.exec(entries[0]?.[0] ?? "")?.[0] ?? "";
    const isFolder = folder !== "onnx/" && entries.every(([path]) => path.startsWith(folder));
    const named = entries.map(([path, blob]) => [isFolder ? path.slice(folder.length) : path, blob] as const);
    this.#files = new Map(named.filter(([path]) => /^(?:onnx\/)?[^/]+$/u.test(path)));
    this.source = name ?? (isFolder && folder !== "" ? folder.slice(0, -1) : "the picked files");
  }

  /** Names of the files. */
  async list(): Promise<readonly string[]> {
    const names = [...this.#files.keys()];
    const [alone, ...others] = names.filter(isCheckpointFile);
    // A lone weights file may have any name; the pipeline finds it under this one, and tells its format by its first bytes.
    return alone === undefined || others.length > 0 || FOUND.test(alone) ? names : [...names, ALIAS];
  }

  /** A small text file, whole; undefined where there is none of that name. */
  async readText(name: string): Promise<string | undefined> {
    return this.#files.get(name)?.text();
  }

  /** Random access to a large file; undefined where there is none of that name. */
  async open(name: string): Promise<CheckpointFile | undefined> {
    const blob = this.#blob(name);
    if (blob === undefined) return undefined;
    return { name, byteLength: blob.size, read: (start, end) => bytesOf(name, blob, start, end) };
  }

  /** Reads ranges of a file. */
  async readRanges(file: string, ranges: readonly ByteRange[], sink: ByteSink): Promise<void> {
    const blob = this.#blob(file);
    for (const { start, end } of blob === undefined ? [] : ranges) {
      for (let at = start; at < end; at += CHUNK_BYTES) {
        sink(at, await bytesOf(file, blob as Blob, at, Math.min(at + CHUNK_BYTES, end)));
      }
    }
  }

  /** Does nothing: picked files are not cached. */
  async commit(): Promise<void> {
    // Nothing to store.
  }

  /** The model's name. */
  toString(): string {
    return this.source;
  }

  #blob(name: string): Blob | undefined {
    const named = this.#files.get(name);
    if (named !== undefined || name !== ALIAS) return named;
    const weights = [...this.#files].filter(([file]) => isCheckpointFile(file));
    return weights.length === 1 ? weights[0]?.[1] : undefined;
  }
}

async function bytesOf(name: string, blob: Blob, start: number, end: number): Promise<Uint8Array> {
  const bytes = new Uint8Array(await blob.slice(start, end).arrayBuffer());
  if (bytes.length !== end - start)
    throw new CheckpointError("malformed", `${name}: expected bytes [${start}, ${end}), but the file ends at ${blob.size}`, { file: name });
  return bytes;
}
