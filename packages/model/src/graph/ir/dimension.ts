/**
 * Extents of axes as products, so that shapes can be compared before any input is there: `batch*sequence` rows are the same wherever they come
 * from. A sum, such as the patches and the class token, is a factor of its own.
 */
import type { Dimension } from "../../onnx/write/ir.js";

/** The product of extents: `["sequence", 2, "batch"]` -> `2*batch*sequence`. */
export function product(dims: readonly Dimension[]): Dimension {
  let count = 1;
  const names: string[] = [];
  for (const dim of dims) {
    const [number, ...rest] = factorsOf(dim);
    count *= number;
    for (const name of rest) names.push(name);
  }
  if (names.length === 0 || count === 0) return count;
  return [...(count === 1 ? [] : [count]), ...[...names].sort()].join("*");
}

/** `dividend / divisor`, or undefined where the one does not divide the other. */
export function quotient(dividend: Dimension, divisor: Dimension): Dimension | undefined {
  const [count, ...names] = factorsOf(dividend);
  const [number, ...divisors] = factorsOf(divisor);
  for (const name of divisors) {
    const at = names.indexOf(name);
    if (at < 0) return undefined;
    names.splice(at, 1);
  }
  return number === 0 || count % number !== 0 ? undefined : product([count / number, ...names]);
}

/** The sum of two extents: `(1+batch)`. */
export function sum(a: Dimension, b: Dimension): Dimension {
  if (typeof a === "number" && typeof b === "number") return a + b;
  const terms = [a, b].map((term) => String(term).replaceAll("*", "·"));
  return `(${[...terms].sort().join("+")})`;
}

/** A number and names, as {@link product} writes them. */
function factorsOf(dim: Dimension): [number, ...string[]] {
  if (typeof dim === "number") return [dim];
  const [first = "", ...rest] = dim.split("*");
  return /^\d+$/u.test(first) ? [Number(first), ...rest] : [1, first, ...rest];
}
