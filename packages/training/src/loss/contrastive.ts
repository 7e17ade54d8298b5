/**
 * The symmetric contrastive loss (Radford et al., 2021, figure 3), as cn_clip's `training/train.py` computes it: the cross-entropy of each image's
 * own text among all texts, and of each text's own image among all images, in equal parts.
 *
 * Shapes in the margin: B pairs, E projection.
 */
import type { Value } from "@chinese-clip/model";
import { type GraphBuilder, int } from "@chinese-clip/model/graph";
import { divide, extentsOf, reduceSum, reshapeTo, unary } from "../gradient/steps.js";

/** The loss of a batch of pairs. */
export interface ContrastiveLoss {
  /** float32 `[]`. */
  readonly loss: Value;
  /** int64 `[B]`: for each image, the row of the most similar text. */
  readonly textOfImage: Value;
  /** int64 `[B]`: for each text, the row of the most similar image. */
  readonly imageOfText: Value;
}

/**
 * Adds the loss to a graph.
 *
 * @param imageFeatures - `[B, E]`, of any length.
 * @param textFeatures - `[B, E]`: row i belongs to the image of row i.
 * @param logitScale - `[]` or `[1]`: the logarithm of what cosines are multiplied by.
 */
export function contrastiveLoss(graph: GraphBuilder, imageFeatures: Value, textFeatures: Value, logitScale: Value): ContrastiveLoss {
  const [B = 0] = extentsOf(imageFeatures);
  const images = normalized(graph, imageFeatures); // [B, E]
  const texts = normalized(graph, textFeatures); // [B, E]
  const scale = unary(graph, "Exp", logitScale);
  const perImage = graph.mul(graph.matMul(images, graph.transpose(texts, [1, 0])), scale); // [B, B]
  const perText = graph.transpose(perImage, [1, 0]); // [B, B]
  const both = graph.add(logSoftmax(graph, perImage), logSoftmax(graph, perText)); // [B, B]
  const loss = reshapeTo(graph, reduceSum(graph, graph.mul(both, ownPairs(graph, B)), [0, 1]), []);
  return { loss, textOfImage: argMax(graph, perImage), imageOfText: argMax(graph, perText) };
}

/** Rows of length 1: `x [B, E] / |x|`. */
export function normalized(graph: GraphBuilder, x: Value): Value {
  return divide(graph, x, unary(graph, "Sqrt", reduceSum(graph, graph.mul(x, x), [1])));
}

function logSoftmax(graph: GraphBuilder, x: Value): Value {
  return graph.apply("LogSoftmax", [x], { type: x.type, dims: x.dims }, { axis: int(-1) });
}

function argMax(graph: GraphBuilder, x: Value): Value {
  return graph.apply("ArgMax", [x], { type: "int64", dims: [x.dims[0] ?? 0] }, { axis: int(1), keepdims: int(0) });
}

/** `-1 / 2B` on the diagonal, else 0: `[B, B]`. */
function ownPairs(graph: GraphBuilder, B: number): Value {
  const values = new Float32Array(B * B);
  for (let i = 0; i < B; i++) values[i * B + i] = -1 / (2 * B);
  return graph.initializer({ name: "own_pairs", type: "float32", dims: [B, B], data: new Uint8Array(values.buffer) });
}
