/**
 * Which folder each opened weights file lies in, and what it looked like. ONNX Runtime reads external data from one folder and never out of it, while a model's files may be
 * symlinks to anywhere.
 */
import { CheckpointError, type CheckpointFile } from "@chinese-clip/model";
import { join } from "node:path";
import { openDiskFile } from "./disk-file.js";
import { stampOf, type WeightsStamp } from "./weights-files.js";

/** The opened files of one model, by their real names. */
export class OpenedFiles {
  readonly #folder: string;
  readonly #folders: Map<string, string> = new Map();
  readonly #stamps: Map<string, WeightsStamp> = new Map();

  /** @param folder - the model's folder. */
  constructor(folder: string) {
    this.#folder = folder;
  }

  /**
   * Random access to a file, or undefined where there is none. Its `name` is that of the file that a symlink leads to.
   *
   * @throws CheckpointError - `malformed`: another file of the same name was opened in another folder.
   */
  async open(path: string): Promise<CheckpointFile | undefined> {
    const found = await openDiskFile(path);
    if (found === undefined) return undefined;
    const { name } = found.file;
    const known = this.#folders.get(name) ?? found.folder;
    if (known !== found.folder) throw differentFolders(path, known, found.folder);
    this.#folders.set(name, found.folder);
    this.#stamps.set(name, found.stamp);
    return found.file;
  }

  /**
   * The one folder that some opened files lie in; the model's for none.
   *
   * @throws CheckpointError - `malformed`: they lie in several folders.
   */
  folderOf(names: Iterable<string>): string {
    let folder: string | undefined;
    for (const name of names) {
      const own = this.#folders.get(name) ?? this.#folder;
      folder ??= own;
      if (own !== folder) throw differentFolders(name, folder, own);
    }
    return folder ?? this.#folder;
  }

  /** What files looked like when they were opened; of one that was not, what it looks like now. */
  async stampsOf(names: Iterable<string>): Promise<readonly WeightsStamp[]> {
    const stamps: WeightsStamp[] = [];
    for (const name of names) {
      const stamp = this.#stamps.get(name) ?? (await stampOf(join(this.#folders.get(name) ?? this.#folder, name)));
      if (stamp !== undefined) stamps.push(stamp);
    }
    return stamps;
  }
}

function differentFolders(file: string, expected: string, actual: string): CheckpointError {
  return new CheckpointError("malformed", `${file}: expected all weights in ${expected}, got a link to ${actual}`, {
    file,
    expected,
    actual,
  });
}
