/**
 * What an evaluation needs from outside: a model, loaded when it is first needed, and somewhere to say how far it is.
 */
import type { ChineseCLIP } from "@chinese-clip/node";
import type { ModelRecord, Tower } from "../inspection/model-record.js";
import type { EmbedPictures } from "./embed-data-set.js";
import type { EmbedTexts } from "./zero-shot.js";

/** The steps that take time. */
export type EvaluationStep = "embed-texts" | "embed-images" | "embed-labels" | "search";

/** Told how far a step is; `total` where it is known. */
export type ReportProgress = (step: EvaluationStep, done: number, total: number | undefined) => void;

/** A model's two towers as an evaluation uses them. */
export interface Embedder {
  readonly embedTexts: EmbedTexts;
  readonly embedPictures: EmbedPictures;
  /** Values of an embedding. */
  readonly dim: number;
  /** Says which model it is, for one tower. */
  readonly record: (tower: Tower) => Promise<ModelRecord>;
}

/** A loaded model as an {@link Embedder}. */
export function embedderOf(clip: ChineseCLIP, record: Embedder["record"]): Embedder {
  return {
    embedTexts: (texts) => clip.embedText(texts),
    embedPictures: (pictures) => clip.embedImages(pictures),
    dim: clip.model.config.projectionDim,
    record,
  };
}
