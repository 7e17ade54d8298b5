/** What the folder of a run holds, for those who look at it. */
import { readLog, type RunHeader, type StepRecord, type ValidationRecord } from "./progress-log.js";
import { readRunState } from "./run-state.js";

/** A run that is done, under way or interrupted. */
export interface TrainingRun extends RunHeader {
  /** Steps that are saved: where the run goes on. */
  readonly savedStep: number;
  /** Steps in all. */
  readonly totalSteps: number | undefined;
  /** Each step that is done. */
  readonly steps: readonly StepRecord[];
  /** Each validation that is done. */
  readonly validations: readonly ValidationRecord[];
  /** The validation with the highest mean recall. */
  readonly best: ValidationRecord | undefined;
}

/**
 * Reads what a run has reached. The run may be under way.
 *
 * @returns undefined for a folder that no run wrote.
 * @throws TrainingError - `damaged-state`.
 */
export async function readRun(folder: string): Promise<TrainingRun | undefined> {
  const log = await readLog(folder);
  if (log === undefined) return undefined;
  const total = Number(log.settings["steps"]);
  return {
    ...log,
    savedStep: (await readRunState(folder))?.step ?? 0,
    totalSteps: Number.isSafeInteger(total) && total > 0 ? total : undefined,
    best: log.validations.reduce<ValidationRecord | undefined>(
      (best, one) => (best === undefined || meanRecall(one) > meanRecall(best) ? one : best),
      undefined,
    ),
  };
}

/** cn_clip's mean recall: of R@1, R@5 and R@10 in both directions, 0 to 1. */
export function meanRecall({ textToImage, imageToText }: Pick<ValidationRecord, "textToImage" | "imageToText">): number {
  return [textToImage, imageToText].reduce((sum, { r1, r5, r10 }) => sum + (r1 + r5 + r10) / 6, 0);
}
