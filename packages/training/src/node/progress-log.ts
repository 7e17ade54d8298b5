/**
 * `progress.jsonl`: a line that says what the run is, then one for each step and each validation. A resumed run drops the lines of steps that it repeats.
 */
import { appendFile, readFile } from "node:fs/promises";
import { join } from "node:path";
import { writeWhole } from "@chinese-clip/dataset";
import { writingTo } from "@chinese-clip/pipeline/node";

/** The log's file in a run's folder. */
export const PROGRESS_FILE = "progress.jsonl";

const SIGNATURE = "chinese-clip training 1";

/** Whether a folder has the log of a run. */
export async function hasProgress(folder: string): Promise<boolean> {
  const text = await readFile(join(folder, PROGRESS_FILE), "utf8").catch(() => "");
  return text.startsWith(JSON.stringify({ format: SIGNATURE }).slice(0, -1));
}

/** The lines of a run. */
export class ProgressLog {
  readonly #path: string;

  private constructor(path: string) {
    this.#path = path;
  }

  /**
   * Begins a log, or resumes the one that is there.
   *
   * @param step - steps that are done: lines of later ones are dropped, and what a killed process left of a line.
   */
  static async open(folder: string, step: number, settings: Readonly<Record<string, string>>): Promise<ProgressLog> {
    const path = join(folder, PROGRESS_FILE);
    const lines = (await hasProgress(folder)) ? (await readFile(path, "utf8")).split("\n").slice(1) : [];
    const kept = lines.filter((line) => {
      const at = stepOf(line);
      return at !== undefined && at <= step;
    });
    await writeWhole(
      path,
      [JSON.stringify({ format: SIGNATURE, settings }), ...kept].map((line) => `${line}\n`),
    );
    return new ProgressLog(path);
  }

  /** Adds a line. */
  async add(line: Readonly<Record<string, unknown>> & { readonly step: number }): Promise<void> {
    await writingTo(this.#path, () => appendFile(this.#path, `${JSON.stringify(line)}\n`));
  }
}

function stepOf(line: string): number | undefined {
  try {
    const value: unknown = JSON.parse(line);
    const { step } = (typeof value === "object" && value !== null ? value : {}) as { readonly step?: unknown };
    return typeof step === "number" ? step : undefined;
  } catch {
    return undefined;
  }
}
