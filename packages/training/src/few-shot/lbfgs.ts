/** L-BFGS (Nocedal and Wright, 2006, algorithm 7.5) for smooth convex functions, in float64. */

/** A function's value at a point; writes its gradient there. */
export type Objective = (point: Float64Array, gradient: Float64Array) => number;

/** Where to stop. */
export interface MinimizeOptions {
  /** Steps at most. Default 500. */
  readonly maxSteps?: number | undefined;
  /** The largest gradient component that is as good as 0. Default 1e-6. */
  readonly tolerance?: number | undefined;
}

/** Steps whose curvature is remembered. */
const HISTORY = 10;

/** The minimum of a function, from a point that is moved there. @returns the largest component of the gradient that is left. */
export function minimize(objective: Objective, point: Float64Array, { maxSteps = 500, tolerance = 1e-6 }: MinimizeOptions = {}): number {
  const size = point.length;
  let gradient: Float64Array = new Float64Array(size);
  let value = objective(point, gradient);
  const pairs: { readonly s: Float64Array; readonly y: Float64Array; readonly rho: number }[] = [];
  for (let step = 0; step < maxSteps && largest(gradient) > tolerance; step++) {
    const direction = descent(gradient, pairs);
    const slope = dot(direction, gradient);
    let length = pairs.length === 0 ? Math.min(1, 1 / Math.sqrt(dot(gradient, gradient))) : 1;
    const next = new Float64Array(size);
    const nextGradient = new Float64Array(size);
    let nextValue = value;
    for (let tries = 0; ; tries++) {
      for (let i = 0; i < size; i++) next[i] = point[i]! + length * direction[i]!;
      nextValue = objective(next, nextGradient);
      if (nextValue <= value + 1e-4 * length * slope) break; // Armijo
      if (tries === 40) return largest(gradient); // as near as float64 comes
      length /= 2;
    }
    const s = next.map((x, i) => x - point[i]!);
    const y = nextGradient.map((x, i) => x - gradient[i]!);
    const curvature = dot(s, y);
    if (curvature > 1e-12 * dot(y, y)) {
      pairs.push({ s, y, rho: 1 / curvature });
      if (pairs.length > HISTORY) pairs.shift();
    }
    point.set(next);
    [value, gradient] = [nextValue, nextGradient];
  }
  return largest(gradient);
}

/** The gradient's opposite, as the remembered curvature bends it. */
function descent(
  gradient: Float64Array,
  pairs: readonly { readonly s: Float64Array; readonly y: Float64Array; readonly rho: number }[],
): Float64Array {
  const q = gradient.slice();
  const alphas = pairs.toReversed().map(({ s, y, rho }) => {
    const alpha = rho * dot(s, q);
    for (let i = 0; i < q.length; i++) q[i]! -= alpha * y[i]!;
    return alpha;
  });
  const last = pairs.at(-1);
  const scale = last === undefined ? 1 : 1 / (last.rho * dot(last.y, last.y));
  for (let i = 0; i < q.length; i++) q[i]! *= scale;
  for (const [i, { s, y, rho }] of pairs.entries()) {
    const beta = rho * dot(y, q);
    const alpha = alphas[pairs.length - 1 - i] ?? 0;
    for (let k = 0; k < q.length; k++) q[k]! += (alpha - beta) * s[k]!;
  }
  return q.map((value) => -value);
}

function dot(a: Float64Array, b: Float64Array): number {
  let sum = 0;
  for (let i = 0; i < a.length; i++) sum += a[i]! * b[i]!;
  return sum;
}

function largest(values: Float64Array): number {
  return values.reduce((most, value) => Math.max(most, Math.abs(value)), 0);
}
