/** Normalisation: of each row, and by running statistics. */
import type { Value } from "@chinese-clip/model";
import { inputOf, type Rule } from "../rule.js";
import { divide, extentsOf, reduceSum, reshapeTo, sumTo, unary } from "../steps.js";
import { meanOfLast } from "./layout.js";

/**
 * `y = n w + b`, where `n = (x - mean) r` and `r = 1 / deviation`, both of which the operator gives:
 * `dx = r (g - mean(g) - n mean(g n))`, where `g = dy w`.
 */
const layerNorm: Rule = (backward) => {
  const { graph, outputs, gradient, wants } = backward;
  const [x, weight, bias] = [0, 1, 2].map((i) => inputOf(backward, i)) as [Value, Value, Value];
  const [, mean, inverse] = outputs;
  if (mean === undefined || inverse === undefined) throw new TypeError("gradient: expected LayerNormalization with its statistics");
  const normed = graph.mul(graph.sub(x, mean), inverse);
  const inner = (): Value => {
    const g = graph.mul(gradient, weight);
    const alongNormed = graph.mul(normed, meanOfLast(backward, graph.mul(g, normed)));
    return graph.mul(inverse, graph.sub(graph.sub(g, meanOfLast(backward, g)), alongNormed));
  };
  return [
    wants(0) ? inner() : undefined,
    wants(1) ? sumTo(graph, graph.mul(gradient, normed), weight) : undefined,
    wants(2) ? sumTo(graph, gradient, bias) : undefined,
  ];
};

/** In evaluation, so that the statistics are constants: `y = (x - mean) r w + b`, where `r = 1 / sqrt(variance + epsilon)`, for each channel. */
const batchNorm: Rule = (backward) => {
  const { graph, node, gradient, wants } = backward;
  const [x, weight, , mean, variance] = [0, 1, 2, 3, 4].map((i) => inputOf(backward, i)) as [Value, Value, Value, Value, Value];
  const [, C = 0] = extentsOf(x);
  const epsilon = node.attributes["epsilon"]?.kind === "float" ? node.attributes["epsilon"].value : 1e-5;
  const inverse = divide(graph, graph.number(1), unary(graph, "Sqrt", graph.add(variance, graph.number(epsilon)))); // [C]
  const perChannel = (value: Value): Value => reshapeTo(graph, value, [1, C, 1, 1]);
  const sum = (value: Value): Value => reduceSum(graph, value, [0, 2, 3], false); // [C]
  return [
    wants(0) ? graph.mul(gradient, perChannel(graph.mul(weight, inverse))) : undefined,
    wants(1) ? graph.mul(sum(graph.mul(gradient, graph.sub(x, perChannel(mean)))), inverse) : undefined,
    wants(2) ? sum(gradient) : undefined,
  ];
};

/** Rules by the operator's name. */
export const NORMALIZATION: Readonly<Record<string, Rule>> = { LayerNormalization: layerNorm, BatchNormalization: batchNorm };
