/**
 * Files of this machine as the pipeline reads them: small ones whole, large ones by ranges. Nothing is held open between reads.
 */
import { isUtf8 } from "node:buffer";
import { open, readFile, realpath, stat } from "node:fs/promises";
import { basename, dirname } from "node:path";
import { CheckpointError, type CheckpointFile } from "@chinese-clip/model";
import { errorMessage } from "@chinese-clip/pipeline";
import { isAbsent, systemErrorCode } from "@chinese-clip/pipeline/node";
import { checkOpen, stampOf, type WeightsStamp } from "./weights-files.js";

/** Configurations, vocabularies and tokenizers are far smaller; more than this is not one of them. */
const MAX_TEXT_BYTES = 64 * 1024 * 1024;

/** A large file, and the folder that ONNX Runtime finds it in. */
export interface DiskFile {
  /** Its name in {@link folder}. */
  readonly file: CheckpointFile;
  /** Absolute path, without symlinks. */
  readonly folder: string;
  /** What it looked like when it was opened. */
  readonly stamp: WeightsStamp;
}

/**
 * The whole of a small text file, or undefined where there is no such file.
 *
 * @throws CheckpointError - `malformed`: more than 64 MiB, or no UTF-8, as a vocabulary saved by an editor in GBK or UTF-16; `unreadable`.
 */
export async function readTextFile(path: string): Promise<string | undefined> {
  const size = await fileSize(path);
  if (size === undefined) return undefined;
  if (size > MAX_TEXT_BYTES) {
    throw new CheckpointError("malformed", `${path}: expected at most ${MAX_TEXT_BYTES} bytes, got ${size}`, {
      file: basename(path),
      expected: MAX_TEXT_BYTES,
      actual: size,
    });
  }
  const bytes = await readingFrom(path, () => readFile(path));
  if (isUtf8(bytes) && !bytes.includes(0)) return bytes.toString("utf8");
  const file = basename(path);
  throw new CheckpointError("malformed", `${path}: expected text in UTF-8, got another encoding; convert it first (iconv -t UTF-8)`, {
    file,
  });
}

/**
 * Random access to a file, or undefined where there is no such file. A symlink, such as each file of a hub's snapshot is, is followed to
 * the end: ONNX Runtime rejects one that leads out of the folder that it was given. Reading throws an InferenceError, `weights-changed`, once the file was
 * written or replaced.
 *
 * @param allocate - gives what a read's bytes go into.
 */
export async function openDiskFile(
  path: string,
  allocate: (byteLength: number) => Uint8Array = (byteLength) => new Uint8Array(byteLength),
): Promise<DiskFile | undefined> {
  if ((await fileSize(path)) === undefined) return undefined;
  const real = await readingFrom(path, () => realpath(path));
  const stamp = await readingFrom(path, () => stampOf(real));
  if (stamp === undefined) return undefined;
  return {
    folder: dirname(real),
    stamp,
    file: { name: basename(real), byteLength: Number(stamp.size), read: (start, end) => readRange(stamp, start, allocate(end - start)) },
  };
}

/**
 * Bytes, or undefined where there is no such file.
 *
 * @throws CheckpointError - `unreadable`.
 */
export async function fileSize(path: string): Promise<number | undefined> {
  const found = await readingFrom(path, () =>
    stat(path).catch((error: unknown) => {
      if (isAbsent(error)) return undefined;
      throw error;
    }),
  );
  return found?.isFile() === true ? found.size : undefined;
}

/**
 * Runs what only reads a file or folder.
 *
 * @throws CheckpointError - `unreadable`, for an error of the file system; anything else as it is.
 */
export async function readingFrom<Result>(path: string, read: () => Promise<Result>): Promise<Result> {
  try {
    return await read();
  } catch (error) {
    const errno = systemErrorCode(error);
    if (errno === undefined) throw error;
    const cure = errno === "EACCES" || errno === "EPERM" ? "; check its permissions" : "";
    const message = `${path}: cannot be read (${errorMessage(error)})${cure}`;
    throw new CheckpointError("unreadable", message, { file: path, errno }, { cause: error });
  }
}

async function readRange(stamp: WeightsStamp, start: number, bytes: Uint8Array): Promise<Uint8Array> {
  const { path } = stamp;
  const handle = await readingFrom(path, () => open(path, "r"));
  try {
    for (let filled = 0; filled < bytes.length;) {
      const { bytesRead } = await readingFrom(path, () => handle.read(bytes, filled, bytes.length - filled, start + filled));
      if (bytesRead === 0) {
        await checkOpen(handle, stamp);
        throw new CheckpointError(
          "malformed",
          `${path}: expected bytes [${start}, ${start + bytes.length}), but the file ends at ${start + filled}`,
          {
            file: path,
          },
        );
      }
      filled += bytesRead;
    }
    await checkOpen(handle, stamp); // after the bytes were read, which may be of another file
    return bytes;
  } finally {
    await handle.close();
  }
}
