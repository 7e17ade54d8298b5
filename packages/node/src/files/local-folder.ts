/**
 * A model in a folder of this machine. Files are read by ranges and never held open, so there is nothing to close.
 */
import { open, readFile, stat } from "node:fs/promises";
import { join, resolve } from "node:path";
import { fileURLToPath } from "node:url";
import { CheckpointError, type CheckpointFile } from "@chinese-clip/model";
import type { ModelFiles } from "@chinese-clip/pipeline";

/** Configurations, vocabularies and tokenizers are far smaller; more than this is not one of them. */
const MAX_TEXT_BYTES = 64 * 1024 * 1024;

/** A model's folder. */
export class LocalFolder implements ModelFiles {
  readonly source: string;
  /** The folder's absolute path. */
  readonly path: string;

  private constructor(source: string, path: string) {
    this.source = source;
    this.path = path;
  }

  /**
   * @param source - a path, relative to the working directory, or a `file:` URL.
   * @throws CheckpointError - `missing-file`: there is no such folder.
   */
  static async open(source: string | URL): Promise<LocalFolder> {
    const path = typeof source === "string" && !source.startsWith("file:") ? resolve(source) : fileURLToPath(source);
    const isFolder = await stat(path).then(
      (found) => found.isDirectory(),
      () => false,
    );
    if (!isFolder) {
      throw new CheckpointError(
        "missing-file",
        `fromPretrained: expected a folder with config.json and model.safetensors, got ${String(source)} (${path})`,
        {
          source: String(source),
          path,
        },
      );
    }
    return new LocalFolder(String(source), path);
  }

  async readText(name: string): Promise<string | undefined> {
    const path = join(this.path, name);
    const size = await fileSize(path);
    if (size === undefined) return undefined;
    if (size > MAX_TEXT_BYTES) {
      throw new CheckpointError("malformed", `${path}: expected at most ${MAX_TEXT_BYTES} bytes, got ${size}`, {
        file: name,
        expected: MAX_TEXT_BYTES,
        actual: size,
      });
    }
    return readFile(path, "utf8");
  }

  async open(name: string): Promise<CheckpointFile | undefined> {
    const path = join(this.path, name);
    const byteLength = await fileSize(path);
    return byteLength === undefined ? undefined : { name, byteLength, read: (start, end) => readRange(path, start, end) };
  }
}

async function readRange(path: string, start: number, end: number): Promise<Uint8Array> {
  const bytes = new Uint8Array(end - start);
  const handle = await open(path, "r");
  try {
    for (let filled = 0; filled < bytes.length;) {
      const { bytesRead } = await handle.read(bytes, filled, bytes.length - filled, start + filled);
      if (bytesRead === 0) {
        throw new CheckpointError("malformed", `${path}: expected bytes [${start}, ${end}), but the file ends at ${start + filled}`, {
          file: path,
        });
      }
      filled += bytesRead;
    }
    return bytes;
  } finally {
    await handle.close();
  }
}

/** Undefined where there is no such file; another failure, such as a lack of permission, is the caller's to see. */
async function fileSize(path: string): Promise<number | undefined> {
  try {
    const found = await stat(path);
    return found.isFile() ? found.size : undefined;
  } catch (error) {
    if (error instanceof Error && "code" in error && (error.code === "ENOENT" || error.code === "ENOTDIR")) return undefined;
    throw error;
  }
}
