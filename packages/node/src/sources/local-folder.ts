/**
 * A model in a folder of this machine, or one weights file with the small files beside it.
 */
import { readdir, stat } from "node:fs/promises";
import { basename, dirname, join } from "node:path";
import type { CheckpointFile } from "@chinese-clip/model";
import { isShardIndex, isWeightsFile, type ModelFiles } from "@chinese-clip/pipeline";
import { readingFrom, readTextFile } from "../files/disk-file.js";
import { OpenedFiles } from "../files/opened-files.js";
import type { WeightsStamp } from "../files/weights-files.js";

/** A model's folder. */
export class LocalFolder implements ModelFiles {
  readonly source: string;
  readonly folder: string;
  /** The one weights file that counts, where the source named one. */
  readonly #only: string | undefined;
  readonly #opened: OpenedFiles;

  private constructor(source: string, path: string, only: string | undefined) {
    this.source = source;
    this.folder = path;
    this.#only = only;
    this.#opened = new OpenedFiles(path);
  }

  /**
   * @param path - absolute path of a folder or of a weights file.
   * @param source - what the caller named it.
   * @returns undefined where there is neither.
   */
  static async open(path: string, source: string): Promise<LocalFolder | undefined> {
    const found = await stat(path).catch(() => undefined);
    if (found?.isDirectory() === true) return new LocalFolder(source, path, undefined);
    if (found?.isFile() === true) return new LocalFolder(source, dirname(path), basename(path));
    return undefined;
  }

  folderOf(names: Iterable<string>): string {
    return this.#opened.folderOf(names);
  }

  stampsOf(names: Iterable<string>): Promise<readonly WeightsStamp[]> {
    return this.#opened.stampsOf(names);
  }

  async list(): Promise<readonly string[]> {
    const entries = await readingFrom(this.folder, () => readdir(this.folder, { withFileTypes: true }));
    const names = await Promise.all(
      entries.map(async (entry) => {
        if (!this.#has(entry.name)) return undefined;
        if (!entry.isSymbolicLink()) return entry.isFile() ? entry.name : undefined;
        const target = await stat(join(this.folder, entry.name)).catch(() => undefined);
        return target?.isFile() === true ? entry.name : undefined;
      }),
    );
    return names.filter((name) => name !== undefined);
  }

  async readText(name: string): Promise<string | undefined> {
    return this.#has(name) ? readTextFile(join(this.folder, name)) : undefined;
  }

  async open(name: string): Promise<CheckpointFile | undefined> {
    return this.#has(name) ? this.#opened.open(join(this.folder, name)) : undefined;
  }

  /** Where the source named a weights file, other weights beside it are not the model's. */
  #has(name: string): boolean {
    return this.#only === undefined || name === this.#only || !(isWeightsFile(name) || isShardIndex(name));
  }
}
