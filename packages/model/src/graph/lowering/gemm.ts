import { int } from "../ir/attributes.js";
import type { Value } from "../ir/graph.js";
import type { GraphBuilder } from "../ir/graph-builder.js";

/** `x [M, K] @ weight [N, K]^T + bias [N] -> [M, N]`; with `transposed` the weight is `[K, N]`. */
export function gemm(graph: GraphBuilder, x: Value, weight: Value, bias: Value | undefined, transposed: boolean): Value {
  const inputs = bias === undefined ? [x, weight] : [x, weight, bias];
  const dims = [x.dims[0] ?? 0, weight.dims[transposed ? 1 : 0] ?? 0];
  return graph.apply("Gemm", inputs, { type: x.type, dims }, { transB: int(transposed ? 0 : 1) });
}
