/**
 * Weights files as they were when they were opened, which is when their headers were read. What is read at a header's offsets from a file that was replaced
 * or overwritten since is other numbers. ONNX Runtime maps the files of a session: one that is overwritten afterwards changes the answers, and one that is
 * truncated ends the process, so both are looked for before each run, or after the weights were copied.
 */
import { stat } from "node:fs/promises";
import { InferenceError } from "@chinese-clip/pipeline";
import { isAbsent } from "@chinese-clip/pipeline/node";

/** What a weights file looked like. */
export interface WeightsStamp {
  /** Absolute, without symlinks. */
  readonly path: string;
  /** In bytes. */
  readonly size: bigint;
  /** When it was last written, in nanoseconds since 1970. */
  readonly mtimeNs: bigint;
}

/** Files that must not change. */
export class WeightsFiles {
  readonly stamps: readonly WeightsStamp[];

  constructor(stamps: readonly WeightsStamp[]) {
    this.stamps = stamps;
  }

  /** @throws InferenceError - `weights-changed`. A deleted file is fine: its mapping stays as it was. */
  async check(): Promise<void> {
    for (const stamp of this.stamps) {
      const now = await stampOf(stamp.path);
      if (now !== undefined) compare(stamp, now);
    }
  }
}

/** What a file looks like now; undefined where there is none. */
export async function stampOf(path: string): Promise<WeightsStamp | undefined> {
  try {
    const { size, mtimeNs } = await stat(path, { bigint: true });
    return { path, size, mtimeNs };
  } catch (error) {
    if (isAbsent(error)) return undefined;
    throw error;
  }
}

/** @throws InferenceError - `weights-changed`: an open file is not the one that the stamp is of, or was written since. */
export async function checkOpen(handle: StatHandle, stamp: WeightsStamp): Promise<void> {
  compare(stamp, await handle.stat({ bigint: true }));
}

/** What is asked of a `FileHandle`; the published types ask for none of Node's. */
interface StatHandle {
  stat(options: { bigint: true }): Promise<Omit<WeightsStamp, "path">>;
}

function compare({ path, size, mtimeNs }: WeightsStamp, now: Omit<WeightsStamp, "path">): void {
  if (now.size === size && now.mtimeNs === mtimeNs) return;
  throw new InferenceError(
    "weights-changed",
    `${path}: expected the weights file to stay as it was when the model was loaded, but it was written since; load the model again`,
    { file: path },
  );
}
