/**
 * The graphs of a training step: all of it in one, and for steps in segments (`segments/`) the loss of the whole batch's features; a tower's features
 * alone.
 *
 * Inputs, besides the parameters: `pixel_values` float32 `[B, C, R, R]`, `input_ids`, `attention_mask` and `token_type_ids` int64 `[B, L]`; instead
 * of a tower's inputs, for a frozen one, its `image_features` or `text_features`, float32 `[B, E]`.
 */
import type { Graph, Value } from "@chinese-clip/model";
import { knownExtents } from "../gradient/inline-graph.js";
import { scale } from "../gradient/steps.js";
import { contrastiveLoss } from "../loss/contrastive.js";
import { distillationLoss } from "../loss/distillation.js";
import { type EncodedTraining, TrainingGraph } from "./training-graph.js";

/** A tower: its graph for features. */
export type TowerGraphOf = { readonly kind: "text" | "vision"; readonly graph: Graph };

/** The numbers of a step. */
export interface StepExtents {
  /** Pairs. */
  readonly batch: number;
  /** Tokens of a text. */
  readonly sequence: number;
  /** E: values of a feature. */
  readonly projection: number;
  /** Which parameters are trained, the towers' and {@link LOGIT_SCALE}; by default all. */
  readonly trains?: ((parameter: string) => boolean) | undefined;
  /** Whether a ResNet's batch norms are in training: they take the batch's statistics, and move their running ones. By default they are in evaluation. */
  readonly batchStatistics?: boolean | undefined;
  /** A second loss: how far the images' features are from those of a teacher, which come with each batch as {@link TEACHER_FEATURES}. */
  readonly distillation?: Distillation | undefined;
}

/** A teacher. */
export interface Distillation {
  /** What its loss is multiplied by; cn_clip's `--kd_loss_weight` is 0.5. */
  readonly weight: number;
  /** Values of its features. */
  readonly dim: number;
}

/** The input with a teacher's features of the images: float32 `[B, dim]`. */
export const TEACHER_FEATURES = "teacher_features";

/** What the logarithm of the scale is called, in the checkpoint and as an input. */
export const LOGIT_SCALE = "logit_scale";

/** The output that a tower's graph has, and the input that stands for a frozen one. */
export const FEATURES = { text: "text_features", vision: "image_features" } as const;

/**
 * A whole step: loss and gradients of the towers that are trained.
 *
 * Outputs: `loss` float32 `[]`, `text_of_image` and `image_of_text` float32 `[B]`, and the gradients.
 *
 * @param towers - the towers that are trained; a missing one is frozen, its features an input.
 */
export function stepGraph(towers: Partial<Record<"text" | "vision", Graph>>, extents: StepExtents): EncodedTraining {
  const training = new TrainingGraph("step", extents.trains);
  const [images, texts] = (["vision", "text"] as const).map((kind) => {
    const graph = towers[kind];
    return graph === undefined
      ? featureInput(training, kind, extents)
      : towerFeatures(training, kind, graph, extents, extents.batchStatistics);
  }) as [Value, Value];
  addLoss(training, extents, images, texts, []);
  training.updateStatistics();
  return training.encode();
}

/** A tower's features of a chunk: the output `text_features` or `image_features`. */
export function featureGraph(kind: "text" | "vision", graph: Graph, extents: StepExtents): EncodedTraining {
  const training = new TrainingGraph(`${kind} features`);
  training.builder.output(FEATURES[kind], towerFeatures(training, kind, graph, extents));
  return training.encode();
}

/**
 * The loss of a whole batch's features. Outputs as {@link stepGraph}'s; the gradients are those of `logit_scale`, where it is trained, and of the
 * features of `trained`.
 */
export function lossGraph(trained: readonly ("text" | "vision")[], extents: StepExtents): EncodedTraining {
  const training = new TrainingGraph("loss", extents.trains);
  const images = featureInput(training, "vision", extents);
  const texts = featureInput(training, "text", extents);
  addLoss(training, extents, images, texts, trained.map((kind) => (kind === "text" ? texts : images))); // prettier-ignore
  return training.encode();
}

function addLoss(training: TrainingGraph, extents: StepExtents, images: Value, texts: Value, features: readonly Value[]): void {
  const { builder } = training;
  const { batch, distillation } = extents;
  const { loss: contrast, textOfImage, imageOfText } = contrastiveLoss(builder, images, texts, training.parameter(LOGIT_SCALE, []));
  let loss = contrast;
  if (distillation !== undefined) {
    const teacher = training.input(TEACHER_FEATURES, "float32", [batch, distillation.dim]);
    loss = builder.add(contrast, scale(builder, distillationLoss(builder, images, teacher), distillation.weight));
  }
  builder.output("loss", loss);
  builder.output("text_of_image", textOfImage);
  builder.output("image_of_text", imageOfText);
  training.gradients([{ result: loss, gradient: builder.number(1) }], features);
}

function featureInput(training: TrainingGraph, kind: "text" | "vision", { batch, projection }: StepExtents): Value {
  return training.input(FEATURES[kind], "float32", [batch, projection]);
}

function towerFeatures(
  training: TrainingGraph,
  kind: "text" | "vision",
  graph: Graph,
  { batch, sequence }: StepExtents,
  batchStatistics = false,
): Value {
  const extents = { batch, sequence };
  const inputs = Object.fromEntries(
    graph.inputs.map((name) => {
      const { type = "float32", dims = [] } = graph.values.get(name) ?? {};
      return [name, training.input(name, type, knownExtents(dims, extents))];
    }),
  );
  const features = training.tower(graph, extents, inputs, undefined, batchStatistics)[FEATURES[kind]];
  if (features === undefined)
    throw new TypeError(`training: expected a ${kind} tower's graph with ${FEATURES[kind]}, got ${graph.outputs.join(", ")}`);
  return features;
}
