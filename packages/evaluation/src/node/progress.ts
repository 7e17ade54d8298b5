/**
 * How far an evaluation is.
 */

/** The steps that take time. */
export type EvaluationStep = "embed-texts" | "embed-images" | "embed-labels" | "search";

/** Told how far a step is; `total` where it is known. */
export type ReportProgress = (step: EvaluationStep, done: number, total: number | undefined) => void;
