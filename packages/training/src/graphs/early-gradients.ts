/**
 * The order of a training graph's operators, which decides what is alive at a time. ONNX Runtime goes back from what nothing else takes, the last such
 * operator first (`GraphViewer`, `Graph::ReverseDFSFrom`); in the order in which gradients are made it would compute all weights' gradients at the end
 * and keep every activation until then.
 */
import type { Node } from "@chinese-clip/model";

/** The same operators, so that each output is computed as soon as it can be. */
export function earlyGradients(nodes: readonly Node[], outputs: readonly string[]): Node[] {
  const direct = withoutCopies(nodes, new Set(outputs));
  const taken = new Set(direct.flatMap(({ inputs }) => inputs));
  const isEnd = (node: Node): boolean => node.outputs.every((name) => !taken.has(name));
  return [...direct.filter((node) => !isEnd(node)), ...direct.filter(isEnd).toReversed()];
}

/** Without the operators that copy a result to an output: what makes it gives it the output's name. */
function withoutCopies(nodes: readonly Node[], outputs: ReadonlySet<string>): Node[] {
  const copies = new Map<string, string>();
  const made = new Set(nodes.flatMap((node) => node.outputs));
  const dropped = new Set<Node>();
  for (const node of nodes) {
    const [from = "", to = ""] = [node.inputs[0], node.outputs[0]];
    if (node.opType !== "Identity" || !outputs.has(to) || outputs.has(from) || copies.has(from) || !made.has(from)) continue;
    copies.set(from, to);
    dropped.add(node);
  }
  const renamed = (name: string): string => copies.get(name) ?? name;
  return nodes
    .filter((node) => !dropped.has(node))
    .map((node) => ({ ...node, inputs: node.inputs.map(renamed), outputs: node.outputs.map(renamed) }));
}
