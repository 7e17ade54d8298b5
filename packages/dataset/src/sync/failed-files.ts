/** Images that cannot be read, with the sizes and times that they had: they are tried again when these change. One JSON object a line. */
import { readFile } from "node:fs/promises";
import { writeWhole } from "../files/write-whole.js";
import { checkSignature } from "../output/signature.js";
import type { FolderFile } from "./folder-file.js";

/** How the file begins. */
const SIGNATURE = '{"failed":';

interface FailedFile {
  readonly size: number;
  readonly mtime: number;
  readonly reason: string;
}

/** The images of a folder that cannot be read. */
export class FailedFiles {
  readonly #file: string | undefined;
  readonly #byId: Map<string, FailedFile> = new Map();

  private constructor(file: string | undefined) {
    this.#file = file;
  }

  /**
   * Reads what an earlier run wrote; a line that is none is ignored, so that its image is tried again.
   *
   * @throws DatasetError - `foreign-output`: the file is somebody else's.
   */
  static async read(file: string | undefined): Promise<FailedFiles> {
    const failed = new FailedFiles(file);
    if (file !== undefined) await checkSignature(file, SIGNATURE);
    const text = file === undefined ? "" : await readFile(file, "utf8").catch(() => "");
    for (const line of text.split("\n")) {
      const [id, size, mtime, reason] = parseLine(line);
      if (typeof id === "string" && typeof size === "number" && typeof mtime === "number" && typeof reason === "string") {
        failed.#byId.set(id, { size, mtime, reason });
      }
    }
    return failed;
  }

  /** Whether a file is as it was when it was found to be no image that can be read. What the system could not read then, it may be able to now. */
  has({ id, size, mtime }: FolderFile): boolean {
    const found = this.#byId.get(id);
    return found !== undefined && found.size === size && found.mtime === mtime && !SYSTEM_CODE.test(found.reason);
  }

  /** Remembers one. */
  add({ id, size, mtime }: FolderFile, error: unknown): void {
    this.#byId.set(id, { size, mtime, reason: errorCode(error) ?? (error instanceof Error ? error.name : "Error") });
  }

  /** Forgets one. */
  delete(id: string): void {
    this.#byId.delete(id);
  }

  /** Forgets those of some folders whose files are gone. */
  retain(ids: ReadonlySet<string>, isOurs: (id: string) => boolean): void {
    for (const id of this.#byId.keys()) if (isOurs(id) && !ids.has(id)) this.#byId.delete(id);
  }

  /** Error code to number of images. */
  byReason(): Record<string, number> {
    const counts: Record<string, number> = {};
    for (const { reason } of this.#byId.values()) counts[reason] = (counts[reason] ?? 0) + 1;
    return counts;
  }

  /** Writes the file, where there is one to be written. */
  async write(): Promise<void> {
    if (this.#file === undefined) return;
    const lines = [...this.#byId].map(([id, { size, mtime, reason }]) => `${JSON.stringify({ failed: [id, size, mtime, reason] })}\n`);
    await writeWhole(this.#file, lines);
  }
}

/** Codes of the system's errors, such as `EACCES` and `EIO`. */
const SYSTEM_CODE = /^E[A-Z0-9]+$/;

/** Whether the system could not read a file, rather than the decoder its content. */
export function isSystemError(error: unknown): boolean {
  return SYSTEM_CODE.test(errorCode(error) ?? "");
}

/** The `code` of an error, such as `EACCES` or an ImageError's. */
function errorCode(error: unknown): string | undefined {
  return error instanceof Error && "code" in error && typeof error.code === "string" ? error.code : undefined;
}

function parseLine(line: string): readonly unknown[] {
  if (!line.startsWith(SIGNATURE)) return [];
  try {
    const { failed } = JSON.parse(line) as { readonly failed: unknown };
    return Array.isArray(failed) ? failed : [];
  } catch {
    return [];
  }
}
