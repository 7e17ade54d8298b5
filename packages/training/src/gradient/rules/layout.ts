/** Operators that move elements: shapes, parts, and rows by their numbers. */
import type { Value } from "@chinese-clip/model";
import { int, string } from "@chinese-clip/model/graph";
import { type Backward, inputOf, intOf, intsOf, type Rule } from "../rule.js";
import { expandTo, extentsOf, pad, reduceSum, reshapeTo, scale, sizeOf, sumTo, zeros } from "../steps.js";

const reshape: Rule = (backward) => [reshapeTo(backward.graph, backward.gradient, extentsOf(inputOf(backward, 0)))];

const transpose: Rule = ({ graph, node, gradient }) => {
  const permutation = intsOf(node, "perm", []);
  return [graph.transpose(gradient, permutation.map((_, axis) => permutation.indexOf(axis)))]; // prettier-ignore
};

const concat: Rule = ({ graph, node, inputs, gradient, wants }) => {
  const axis = intOf(node, "axis", 0);
  let start = 0;
  return inputs.map((input, i) => {
    const from = start;
    start += Number(input?.dims[axis]);
    return wants(i) ? graph.slice(gradient, graph.int64([from]), graph.int64([start]), axis) : undefined;
  });
};

/** Zeros where nothing was taken from. */
const slice: Rule = (backward) => {
  const { graph, gradient } = backward;
  const extents = extentsOf(inputOf(backward, 0));
  const [start, , axis] = [1, 2, 3].map((i) => constantOf(backward, i));
  return [pad(graph, gradient, ...around(extents, axis ?? 0, start ?? 0, Number(gradient.dims[axis ?? 0])))];
};

const expand: Rule = (backward) => [sumTo(backward.graph, backward.gradient, inputOf(backward, 0))];

/** The same for `ReduceSum` and, divided by how many there were, `ReduceMean`. */
const reduce: Rule = (backward) => {
  const { graph, node, outputs, gradient } = backward;
  const x = inputOf(backward, 0);
  const axes = backward.inputs[1]?.content?.map(Number) ?? x.dims.map((_, axis) => axis);
  const kept = extentsOf(x).map((extent, axis) => (axes.includes(axis) ? 1 : extent));
  const spread = expandTo(graph, reshapeTo(graph, gradient, kept), extentsOf(x));
  return [node.opType === "ReduceMean" ? scale(graph, spread, sizeOf(outputs[0] ?? x) / sizeOf(x)) : spread];
};

/**
 * Rows of a table by their numbers: each row's gradients are added up, by `ScatterElements`. (`ScatterND` with `add` loses additions to equal
 * indices where ONNX Runtime has two threads.) One place along an axis: zeros around it.
 */
const gather: Rule = (backward) => {
  const { graph, node, gradient } = backward;
  const [table, indices] = [inputOf(backward, 0), inputOf(backward, 1)];
  const extents = extentsOf(table);
  const axis = intOf(node, "axis", 0);
  const only = indices.content;
  if (indices.dims.length === 0 && only !== undefined) {
    const there = reshapeTo(graph, gradient, extents.map((extent, i) => (i === axis ? 1 : extent))); // prettier-ignore
    return [pad(graph, there, ...around(extents, axis, Number(only[0]), 1))];
  }
  if (axis !== 0 || extents.length !== 2)
    throw new TypeError(`gradient: expected Gather of a table's rows, got axis ${axis} of [${extents.join(", ")}]`);
  const [rows = 0, size = 0] = extents;
  const count = sizeOf(indices);
  const places = expandTo(graph, graph.reshape(indices, graph.int64([count, 1])), [count, size]); // [count, size]
  const updates = reshapeTo(graph, gradient, [count, size]);
  return [graph.apply("ScatterElements", [zeros(graph, [rows, size]), places, updates], table, { axis: int(0), reduction: string("add") })];
};

/** Elements by their numbers along an axis: each one's gradients are added up. */
const gatherElements: Rule = (backward) => {
  const { graph, node, gradient } = backward;
  const [x, indices] = [inputOf(backward, 0), inputOf(backward, 1)];
  const attributes = { axis: int(intOf(node, "axis", 0)), reduction: string("add") };
  return [graph.apply("ScatterElements", [zeros(graph, extentsOf(x)), indices, gradient], x, attributes)];
};

/** Rules by the operator's name. */
export const LAYOUT: Readonly<Record<string, Rule>> = {
  Reshape: reshape,
  Unsqueeze: reshape,
  Transpose: transpose,
  Concat: concat,
  Slice: slice,
  Expand: expand,
  ReduceSum: reduce,
  ReduceMean: reduce,
  Gather: gather,
  GatherElements: gatherElements,
};

/** The mean along the last axis, which stays with extent 1. */
export function meanOfLast(backward: Backward, x: Value): Value {
  const extents = extentsOf(x);
  return scale(backward.graph, reduceSum(backward.graph, x, [extents.length - 1]), 1 / (extents.at(-1) ?? 1));
}

/** How many zeros are before and after a part of an axis. */
function around(extents: readonly number[], axis: number, start: number, length: number): [number[], number[]] {
  return [extents.map((_, i) => (i === axis ? start : 0)), extents.map((extent, i) => (i === axis ? extent - start - length : 0))];
}

function constantOf(backward: Backward, index: number): number {
  const [value, ...others] = inputOf(backward, index).content ?? [];
  if (typeof value !== "number" || others.length > 0)
    throw new TypeError(`gradient: expected one known number as input ${index} of ${backward.node.opType}`);
  return value;
}
