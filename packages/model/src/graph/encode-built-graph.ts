/**
 * A graph that was built here as ONNX protobuf: lowered for its target, then written. It loads with the builders, when the first graph is built.
 */
import { encodeModel } from "../onnx/write/encode-model.js";
import type { EncodedGraph } from "../onnx/write/encoded-graph.js";
import type { ExternalData, ValueInfo } from "../onnx/write/ir.js";
import type { Graph, GraphTarget } from "./ir/graph.js";
import { forTarget } from "./lowering/for-target.js";

/** Lowers and encodes a graph; `fuseAttention` as in `encodeGraph`. */
export async function encodeBuiltGraph(graph: Graph, target: GraphTarget, fuseAttention: boolean): Promise<EncodedGraph> {
  const { name, inputs, outputs, nodes, values, initializers } = await forTarget(graph, target, fuseAttention);
  const info = (value: string): ValueInfo[] => {
    const found = values.get(value);
    return found === undefined ? [] : [found];
  };
  const withExternalData = (place: (weight: ExternalData) => ExternalData): Uint8Array =>
    encodeModel({
      // Quantisation in blocks is what only the newer operators have.
      opset: nodes.some(({ opType }) => opType === "QuantizeLinear") ? 21 : 18,
      name,
      inputs: inputs.flatMap(info),
      outputs: outputs.flatMap(info),
      initializers: [...initializers.values()].map((initializer) =>
        initializer.data instanceof Uint8Array ? initializer : { ...initializer, data: place(initializer.data) },
      ),
      nodes,
      // ONNX Runtime cannot infer what a shape of the inputs' makes of a tensor. With a name for each extent it sees which tensors are of one size:
      // it then takes their memory again, and loads a graph faster, because it looks for such a tensor among all that went before.
      values: nodes.flatMap(({ opType, outputs: [result = ""] }) => (opType === "Reshape" ? info(result) : [])),
    });
  let model: Uint8Array | undefined;
  return {
    // When it is first read: a browser encodes the graph with its weights at other places instead.
    get model() {
      return (model ??= withExternalData((data) => data));
    },
    files: graph.files,
    inputs,
    outputs,
    withExternalData,
  };
}
