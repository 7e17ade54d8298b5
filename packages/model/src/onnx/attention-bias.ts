/**
 * The key masks of fused attention as a bias on its scores: nothing for a key that is seen, the most negative float32 for one that is hidden,
 * so that, as with the mask, a row whose keys are all hidden attends to all alike.
 */
import type { Initializer, Node } from "./ir.js";

/** `MultiHeadAttention`'s inputs: query, key, value, bias, key mask, attention bias. */
const MASK_INPUT = 4;
const FLOAT32 = 1;
const LARGEST = 3.4028234663852886e38;

/** The nodes with a bias in the place of every mask, int32 `[B, L]`, and the constants that it takes. */
export function biasForMasks(nodes: readonly Node[]): { readonly nodes: readonly Node[]; readonly initializers: readonly Initializer[] } {
  const biased: Node[] = [];
  const rows = new Map<string, string>();
  for (const node of nodes) {
    const mask = node.opType === "MultiHeadAttention" ? node.inputs[MASK_INPUT] : undefined;
    const [query, key, value] = node.inputs;
    if (mask === undefined || mask === "" || query === undefined || key === undefined || value === undefined) {
      biased.push(node);
      continue;
    }
    let row = rows.get(mask);
    if (row === undefined) {
      biased.push(
        apply("Cast", [mask], `${mask}_float`, { to: { kind: "int", value: FLOAT32 } }), // [B, L], 1 where a key is seen
        apply("Sub", [`${mask}_float`, "bias_one"], `${mask}_hidden`), // [B, L], -1 where it is not
        apply("Mul", [`${mask}_hidden`, "bias_largest"], `${mask}_bias`), // [B, L]
        apply("Unsqueeze", [`${mask}_bias`, "bias_axes"], `${mask}_row`), // [B, 1, 1, L]
      );
      row = `${mask}_row`;
      rows.set(mask, row);
    }
    const [output = ""] = node.outputs;
    biased.push(
      apply("Shape", [query], `${output}_queries`, { start: { kind: "int", value: 1 }, end: { kind: "int", value: 2 } }), // = [Q]
      apply("Concat", ["bias_ones", `${output}_queries`, "bias_one_int64"], `${output}_shape`, { axis: { kind: "int", value: 0 } }), // = [1, 1, Q, 1]
      apply("Expand", [row, `${output}_shape`], `${output}_bias`), // [B, 1, Q, L]
      { ...node, inputs: [query, key, value, "", "", `${output}_bias`] },
    );
  }
  return { nodes: biased, initializers: rows.size === 0 ? [] : CONSTANTS };
}

const CONSTANTS: readonly Initializer[] = [
  { name: "bias_one", type: "float32", dims: [], data: new Uint8Array(Float32Array.of(1).buffer) },
  { name: "bias_largest", type: "float32", dims: [], data: new Uint8Array(Float32Array.of(LARGEST).buffer) },
  { name: "bias_axes", type: "int64", dims: [2], data: new Uint8Array(BigInt64Array.of(1n, 2n).buffer) },
  { name: "bias_ones", type: "int64", dims: [2], data: new Uint8Array(BigInt64Array.of(1n, 1n).buffer) },
  { name: "bias_one_int64", type: "int64", dims: [1], data: new Uint8Array(BigInt64Array.of(1n).buffer) },
];

function apply(opType: string, inputs: readonly string[], output: string, attributes: Node["attributes"] = {}): Node {
  return { opType, domain: "", inputs, outputs: [output], attributes };
}
