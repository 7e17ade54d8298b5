import type { Activation } from "../config/activation.js";
import type { GraphBuilder, Value } from "../onnx/graph-builder.js";

/** Applies a configuration's `hidden_act`, element by element. */
export function activate(graph: GraphBuilder, x: Value, activation: Activation): Value {
  switch (activation) {
    case "gelu":
      return graph.gelu(x);
    case "quick_gelu":
      return graph.quickGelu(x);
    case "gelu_new":
      return graph.fastGelu(x);
    case "relu":
      return graph.relu(x);
  }
}

/** What no element of an activation's result is below: its least value, rounded down to steps of 1/10,000. */
export const LEAST_ACTIVATION: Readonly<Record<Activation, number>> = { gelu: -0.17, quick_gelu: -0.1637, gelu_new: -0.1701, relu: 0 };
