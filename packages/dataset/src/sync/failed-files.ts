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
  readonly #byPath: Map<string, FailedFile> = new Map();

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
      const [path, size, mtime, reason] = parseLine(line);
      if (typeof path === "string" && typeof size === "number" && typeof mtime === "number" && typeof reason === "string") {
        failed.#byPath.set(path, { size, mtime, reason });
      }
    }
    return failed;
  }

  /** Whether a file is as it was when it could not be read. */
  has({ path, size, mtime }: FolderFile): boolean {
    const found = this.#byPath.get(path);
    return found !== undefined && found.size === size && found.mtime === mtime;
  }

  /** Remembers one. */
  add({ path, size, mtime }: FolderFile, error: unknown): void {
    this.#byPath.set(path, { size, mtime, reason: errorCode(error) ?? (error instanceof Error ? error.name : "Error") });
  }

  /** Forgets one. */
  delete(path: string): void {
    this.#byPath.delete(path);
  }

  /** Forgets those whose files are gone. */
  retain(paths: ReadonlySet<string>): void {
    for (const path of this.#byPath.keys()) if (!paths.has(path)) this.#byPath.delete(path);
  }

  /** Error code to number of images. */
  byReason(): Record<string, number> {
    const counts: Record<string, number> = {};
    for (const { reason } of this.#byPath.values()) counts[reason] = (counts[reason] ?? 0) + 1;
    return counts;
  }

  /** Writes the file, where there is one to be written. */
  async write(): Promise<void> {
    if (this.#file === undefined) return;
    const lines = [...this.#byPath].map(
      ([path, { size, mtime, reason }]) => `${JSON.stringify({ failed: [path, size, mtime, reason] })}\n`,
    );
    await writeWhole(this.#file, lines);
  }
}

/** The `code` of an error, such as `EACCES` or an ImageError's. */
export function errorCode(error: unknown): string | undefined {
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
