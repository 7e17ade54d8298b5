import type { Activation } from "../config/activation.js";
import type { Value } from "./ir/graph.js";
import type { GraphBuilder } from "./ir/graph-builder.js";

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
