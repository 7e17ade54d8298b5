/**
 * Distillation of the image tower, as cn_clip's `training/train.py` (`cosineSimilarityLoss`): 1 - the mean cosine between the student's features and a
 * teacher's. Where the teacher has another number of values, the student's are interpolated to it.
 */
import type { Value } from "@chinese-clip/model";
import type { GraphBuilder } from "@chinese-clip/model/graph";
import { extentsOf, reduceSum, reshapeTo, scale } from "../gradient/steps.js";
import { normalized } from "./contrastive.js";

/**
 * Adds the loss to a graph: float32 `[]`, 0 to 2.
 *
 * @param features - `[B, E]`, of any length.
 * @param teacher - `[B, dim]`, of any length.
 */
export function distillationLoss(graph: GraphBuilder, features: Value, teacher: Value): Value {
  const [[B = 0, E = 0], [, dim = 0]] = [extentsOf(features), extentsOf(teacher)];
  const student = E === dim ? features : graph.matMul(features, interpolation(graph, E, dim)); // [B, dim]
  const cosines = reduceSum(graph, graph.mul(normalized(graph, student), normalized(graph, teacher)), [0, 1]); // [1, 1]
  return graph.sub(graph.number(1), reshapeTo(graph, scale(graph, cosines, 1 / B), []));
}

/** torch's bilinear interpolation along one axis (`align_corners=False`), as a matrix `[from, to]`. */
function interpolation(graph: GraphBuilder, from: number, to: number): Value {
  const values = new Float32Array(from * to);
  for (let column = 0; column < to; column++) {
    const place = Math.max(0, ((column + 0.5) * from) / to - 0.5);
    const low = Math.min(Math.floor(place), from - 1);
    const high = Math.min(low + 1, from - 1);
    values[low * to + column] = 1 - (place - low);
    values[high * to + column] = (values[high * to + column] ?? 0) + place - low; // the same one at the end
  }
  return graph.initializer({ name: "interpolation", type: "float32", dims: [from, to], data: new Uint8Array(values.buffer) });
}
