/**
 * The weights files of a session, as they were when it was loaded. ONNX Runtime maps them: a file that is overwritten afterwards changes the
 * answers, and one that is truncated ends the process, so both are looked for before each run, or after the weights were copied.
 */
import { stat } from "node:fs/promises";
import { join } from "node:path";
import { InferenceError } from "@chinese-clip/pipeline";
import { systemErrorCode } from "@chinese-clip/pipeline/node";

/** What one of them looked like. */
export interface WeightsStamp {
  readonly path: string;
  readonly size: bigint;
  readonly mtimeNs: bigint;
}

/** Files that must not change. */
export class WeightsFiles {
  readonly stamps: readonly WeightsStamp[];

  constructor(stamps: readonly WeightsStamp[]) {
    this.stamps = stamps;
  }

  /** Remembers size and time of modification of files in a folder. */
  static async watch(folder: string, names: readonly string[]): Promise<WeightsFiles> {
    const stamps = await Promise.all(names.map((name) => stampOf(join(folder, name))));
    return new WeightsFiles(stamps.filter((stamp) => stamp !== undefined));
  }

  /** @throws InferenceError - `weights-changed`. A deleted file is fine: its mapping stays as it was. */
  async check(): Promise<void> {
    for (const { path, size, mtimeNs } of this.stamps) {
      const now = await stampOf(path);
      if (now === undefined || (now.size === size && now.mtimeNs === mtimeNs)) continue;
      throw new InferenceError(
        "weights-changed",
        `${path}: expected the weights file to stay as it was when the model was loaded, but it was written since; load the model again`,
        { file: path },
      );
    }
  }
}

async function stampOf(path: string): Promise<WeightsStamp | undefined> {
  try {
    const { size, mtimeNs } = await stat(path, { bigint: true });
    return { path, size, mtimeNs };
  } catch (error) {
    if (systemErrorCode(error) === "ENOENT") return undefined;
    throw error;
  }
}
