/**
 * Shapes of an operator's inputs: checked against letters, as in `M K`, `N K` for a product, and broadcast.
 */
import type { Dimension, ValueInfo } from "../../onnx/write/ir.js";
import type { Value } from "./graph.js";

/** The shape of an element-wise result: axes from the last one on, where 1 goes with any extent. */
export function broadcast(a: readonly Dimension[], b: readonly Dimension[]): readonly Dimension[] | undefined {
  const rank = Math.max(a.length, b.length);
  const dims = Array.from({ length: rank }, (_, i) => {
    const [x = 1, y = 1] = [a[i - rank + a.length], b[i - rank + b.length]];
    return x === y || y === 1 ? x : x === 1 ? y : undefined;
  });
  return isKnown(dims) ? dims : undefined;
}

/** Whether every extent was inferred. */
export function isKnown(dims: readonly (Dimension | undefined)[]): dims is readonly Dimension[] {
  return !dims.includes(undefined);
}

/** A value, and its shape in letters: `int64` or `int32` in front for a type other than the first value's, `..` for any axes. */
export type Shaped = readonly [value: Value | undefined, shape: string];

/** The extent that each letter stands for; one letter stands for one extent in all values. */
export function bind(opType: string, ...shaped: readonly Shaped[]): Record<string, Dimension> {
  const given = shaped.flatMap(([value, shape]) => (value === undefined ? [] : [{ value, letters: shape.split(" ") }]));
  const bound: Record<string, Dimension> = {};
  const fits = given.every(({ value: { type, dims }, letters }) => {
    const named = letters[0]?.startsWith("int") === true;
    const axes = named ? letters.slice(1) : letters;
    const any = axes[0] === "..";
    const last = any ? axes.slice(1) : axes;
    const leading = dims.slice(0, dims.length - last.length);
    if (type !== (named ? letters[0] : given[0]?.value.type) || (any ? dims.length < last.length : dims.length !== last.length))
      return false;
    const parts = [
      ...(any && !named ? [[axes[0], leading.join(" ")] as const] : []),
      ...last.map((letter, i) => [letter, dims[leading.length + i]] as const),
    ];
    return parts.every(([letter = "", extent = 0]) => (bound[letter] ??= extent) === extent);
  });
  if (fits) return bound;
  const expected = given.map(
    ({ letters }) =>
      letters
        .join(", ")
        .replace(/^(int\d+), |^/u, "$1 [")
        .trim() + "]",
  );
  return mismatch(opType, expected.join(", "), ...given.map(({ value }) => value));
}

/** Whether two shapes are equal. */
export function isSame(a: readonly Dimension[], b: readonly Dimension[]): boolean {
  return a.length === b.length && a.every((extent, axis) => extent === b[axis]);
}

/** The elements of a shape, which must be known when the graph is built. */
export function contentOf(opType: string, shape: Value): readonly Dimension[] {
  return shape.content ?? mismatch(opType, "a shape of known elements", shape);
}

/** Rejects the inputs of an operator. */
export function mismatch(opType: string, expected: string, ...values: readonly ValueInfo[]): never {
  const got = values.map(({ type, dims }) => `${type} [${dims.join(", ")}]`);
  throw new TypeError(`${opType}: expected ${expected}, got ${got.join(", ")}`);
}
