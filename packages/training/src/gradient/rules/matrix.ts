/** Products of matrices, and softmax. */
import type { Value } from "@chinese-clip/model";
import { type GraphBuilder, int } from "@chinese-clip/model/graph";
import { inputOf, intOf, type Rule } from "../rule.js";
import { reduceSum, sumTo, transposeLast, unary } from "../steps.js";

/** `y = x w^T + b`: `dx = dy w`, `dw = dy^T x`, `db` the sum of the rows; with `transB: 0` the weight is the other way round. */
const gemm: Rule = (backward) => {
  const { graph, node, gradient, wants } = backward;
  const [x, weight] = [inputOf(backward, 0), inputOf(backward, 1)];
  if (intOf(node, "transA", 0) !== 0) throw new TypeError("gradient: expected Gemm with its first matrix as it is, got transA");
  const isTransposed = intOf(node, "transB", 0) === 1;
  const dx = wants(0) ? product(graph, gradient, weight, false, !isTransposed) : undefined;
  const dWeight = !wants(1)
    ? undefined
    : isTransposed
      ? product(graph, gradient, x, true, false)
      : product(graph, x, gradient, true, false);
  return [dx, dWeight, wants(2) ? sumTo(graph, gradient, inputOf(backward, 2)) : undefined];
};

/** `y = a b`: `da = dy b^T`, `db = a^T dy`. */
const matMul: Rule = (backward) => {
  const { graph, gradient, wants } = backward;
  const [a, b] = [inputOf(backward, 0), inputOf(backward, 1)];
  return [
    wants(0) ? sumTo(graph, graph.matMul(gradient, transposeLast(graph, b)), a) : undefined,
    wants(1) ? sumTo(graph, graph.matMul(transposeLast(graph, a), gradient), b) : undefined,
  ];
};

/** `dx = y (dy - sum(dy y))`, along the last axis. */
const softmax: Rule = ({ graph, node, outputs: [y], gradient }) => {
  if (y === undefined) return [];
  checkLastAxis(node.opType, intOf(node, "axis", -1), y);
  const weighted = graph.mul(gradient, y);
  return [graph.sub(weighted, graph.mul(y, reduceSum(graph, weighted, [y.dims.length - 1])))];
};

/** `dx = dy - e^y sum(dy)`, along the last axis. */
const logSoftmax: Rule = ({ graph, node, outputs: [y], gradient }) => {
  if (y === undefined) return [];
  checkLastAxis(node.opType, intOf(node, "axis", -1), y);
  return [graph.sub(gradient, graph.mul(unary(graph, "Exp", y), reduceSum(graph, gradient, [y.dims.length - 1])))];
};

/** Rules by the operator's name. */
export const MATRIX: Readonly<Record<string, Rule>> = { Gemm: gemm, MatMul: matMul, Softmax: softmax, LogSoftmax: logSoftmax };

/** `a b` of two matrices, each the other way round where it is told. */
export function product(graph: GraphBuilder, a: Value, b: Value, transA: boolean, transB: boolean): Value {
  const dims = [a.dims[transA ? 1 : 0] ?? 0, b.dims[transB ? 0 : 1] ?? 0];
  return graph.apply("Gemm", [a, b], { type: a.type, dims }, { transA: int(transA ? 1 : 0), transB: int(transB ? 1 : 0) });
}

function checkLastAxis(opType: string, axis: number, { dims }: Value): void {
  if (axis !== -1 && axis !== dims.length - 1) throw new TypeError(`gradient: expected ${opType} along the last axis, got axis ${axis}`);
}
