/**
 * Steps that the rules are written in. All extents are numbers.
 */
import type { Value } from "@chinese-clip/model";
import { type GraphBuilder, int } from "@chinese-clip/model/graph";

/**
 * The extents of a value as numbers.
 *
 * @throws TypeError - one of them is a name.
 */
export function extentsOf({ name, dims }: Value): number[] {
  return dims.map((extent) => {
    if (typeof extent !== "number") throw new TypeError(`gradient: expected known extents of ${name}, got [${dims.join(", ")}]`);
    return extent;
  });
}

/** Number of elements. */
export function sizeOf(value: Value): number {
  return extentsOf(value).reduce((size, extent) => size * extent, 1);
}

/** The same elements in another shape. */
export function reshapeTo(graph: GraphBuilder, x: Value, dims: readonly number[]): Value {
  const same = x.dims.length === dims.length && dims.every((extent, axis) => extent === x.dims[axis]);
  return same ? x : graph.reshape(x, graph.int64(dims));
}

/** The sum along `axes`, which stay with extent 1, or go. */
export function reduceSum(graph: GraphBuilder, x: Value, axes: readonly number[], keep = true): Value {
  if (axes.length === 0) return x;
  const dims = extentsOf(x).flatMap((extent, axis) => (axes.includes(axis) ? (keep ? [1] : []) : [extent]));
  return graph.apply("ReduceSum", [x, graph.int64(axes)], { type: x.type, dims }, { keepdims: int(keep ? 1 : 0) });
}

/** The gradient of an input that was broadcast: summed where it was repeated. */
export function sumTo(graph: GraphBuilder, gradient: Value, { dims }: Value): Value {
  const extents = extentsOf(gradient);
  const leading = extents.length - dims.length;
  const axes = extents.flatMap((extent, axis) => (axis < leading || (dims[axis - leading] === 1 && extent !== 1) ? [axis] : []));
  return reshapeTo(graph, reduceSum(graph, gradient, axes), dims.map(Number));
}

/** `x` repeated to a shape. */
export function expandTo(graph: GraphBuilder, x: Value, dims: readonly number[]): Value {
  return graph.expand(x, graph.int64(dims));
}

/** A quotient, element by element. */
export function divide(graph: GraphBuilder, a: Value, b: Value): Value {
  const rank = Math.max(a.dims.length, b.dims.length);
  const extent = (value: Value, axis: number): number => Number(value.dims[axis - rank + value.dims.length] ?? 1);
  const dims = Array.from({ length: rank }, (_, axis) => Math.max(extent(a, axis), extent(b, axis)));
  return graph.apply("Div", [a, b], { type: a.type, dims });
}

/** `factor * x`. */
export function scale(graph: GraphBuilder, x: Value, factor: number): Value {
  return graph.mul(x, graph.number(factor));
}

/** An operator of one input whose result has the input's shape. */
export function unary(graph: GraphBuilder, opType: string, x: Value): Value {
  return graph.apply(opType, [x], { type: x.type, dims: x.dims });
}

/** With the last two axes exchanged. */
export function transposeLast(graph: GraphBuilder, x: Value): Value {
  const rank = x.dims.length;
  return graph.transpose(
    x,
    x.dims.map((_, axis) => (axis < rank - 2 ? axis : axis === rank - 1 ? rank - 2 : rank - 1)),
  );
}

/** Zeros of a shape. */
export function zeros(graph: GraphBuilder, dims: readonly number[]): Value {
  return expandTo(graph, graph.number(0), dims);
}

/** Zeros around `x`: so many before and after along each axis. */
export function pad(graph: GraphBuilder, x: Value, before: readonly number[], after: readonly number[]): Value {
  const dims = extentsOf(x).map((extent, axis) => extent + (before[axis] ?? 0) + (after[axis] ?? 0));
  return graph.apply("Pad", [x, graph.int64([...before, ...after])], { type: x.type, dims });
}
