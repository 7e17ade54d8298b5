/**
 * The one folder that a model's weights lie in. ONNX Runtime reads external data from one folder and never out of it, while a model's
 * files may be symlinks to anywhere.
 */
import { CheckpointError, type CheckpointFile } from "@chinese-clip/model";
import { openDiskFile } from "./disk-file.js";

/** Opens the weights of one model and remembers where they are. */
export class WeightsFolder {
  readonly #fallback: string;
  #path: string | undefined;

  /** @param fallback - the folder as long as no file was opened. */
  constructor(fallback: string) {
    this.#fallback = fallback;
  }

  /** Absolute path of the folder that every opened file lies in. */
  get path(): string {
    return this.#path ?? this.#fallback;
  }

  /**
   * Random access to a file, or undefined where there is none. Its `name` is that of the file that a symlink leads to.
   *
   * @throws CheckpointError - `malformed`: an earlier file lies in another folder.
   */
  async open(path: string): Promise<CheckpointFile | undefined> {
    const found = await openDiskFile(path);
    if (found === undefined) return undefined;
    this.#path ??= found.folder;
    if (this.#path !== found.folder) {
      throw new CheckpointError("malformed", `${path}: expected all weights in ${this.#path}, got a link to ${found.folder}`, {
        file: path,
        expected: this.#path,
        actual: found.folder,
      });
    }
    return found.file;
  }
}
