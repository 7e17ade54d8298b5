/**
 * Reverse-mode differentiation of a graph under construction (Baydin et al., 2018, section 3.2): from the results back to what they were made of,
 * one rule for each operator. The gradient's operators go into the same graph.
 */
import type { Node, Value } from "@chinese-clip/model";
import type { GraphBuilder } from "@chinese-clip/model/graph";
import type { Rule } from "./rule.js";
import { ELEMENTWISE } from "./rules/elementwise.js";
import { IMAGE } from "./rules/image.js";
import { LAYOUT } from "./rules/layout.js";
import { MATRIX } from "./rules/matrix.js";
import { NORMALIZATION } from "./rules/normalization.js";
import { zeros, extentsOf } from "./steps.js";

/** Rules by the operator's name. */
const RULES: ReadonlyMap<string, Rule> = new Map(Object.entries({ ...ELEMENTWISE, ...MATRIX, ...LAYOUT, ...NORMALIZATION, ...IMAGE }));

/** Names of the operators that can be differentiated. */
export const DIFFERENTIABLE: ReadonlySet<string> = new Set(RULES.keys());

/** A result, and the gradient of the loss by it; for the loss itself that is 1. */
export interface Seed {
  /** What the way back begins at. */
  readonly result: Value;
  /** The gradient, in the result's shape. */
  readonly gradient: Value;
}

/**
 * Adds the gradients of the loss to a graph. Where nothing leads from a value to a result, its gradient is zeros.
 *
 * @param seeds - where the way back begins.
 * @param wanted - values of the graph, such as its parameters; float32, of known extents.
 * @returns a gradient for each of them, in their order and shapes.
 * @throws TypeError - an operator on the way that has no rule.
 */
export function gradients(graph: GraphBuilder, seeds: readonly Seed[], wanted: readonly Value[]): Value[] {
  const { nodes, values } = graph.finish();
  const forward = [...nodes]; // the builder goes on adding to its own
  const reached = reachedFrom(forward, wanted);
  const found = new Map<string, Value>();
  const addTo = (name: string, gradient: Value): void => {
    const before = found.get(name);
    found.set(name, before === undefined ? gradient : graph.add(before, gradient));
  };
  for (const { result, gradient } of seeds) addTo(result.name, gradient);
  for (const node of forward.toReversed()) {
    const [output = ""] = node.outputs;
    const gradient = found.get(output);
    if (gradient === undefined || !reached.has(output)) continue;
    const inputs = node.inputs.map((name) => values.get(name));
    const wants = (input: number): boolean => reached.has(node.inputs[input] ?? "");
    const outputs = node.outputs.flatMap((name) => values.get(name) ?? []);
    for (const [i, result] of ruleOf(node)({ graph, node, inputs, outputs, gradient, wants }).entries()) {
      if (result !== undefined && wants(i)) addTo(node.inputs[i] ?? "", result);
    }
  }
  return wanted.map((value) => found.get(value.name) ?? zeros(graph, extentsOf(value)));
}

function ruleOf({ opType }: Node): Rule {
  const rule = RULES.get(opType);
  if (rule === undefined)
    throw new TypeError(`gradient: expected an operator with a rule (${[...RULES.keys()].join(", ")}), got ${opType}`);
  return rule;
}

/** What depends on the wanted values. */
function reachedFrom(nodes: readonly Node[], wanted: readonly Value[]): Set<string> {
  const reached = new Set(wanted.map(({ name }) => name));
  for (const { inputs, outputs } of nodes) {
    if (inputs.some((name) => reached.has(name))) for (const name of outputs) reached.add(name);
  }
  return reached;
}
