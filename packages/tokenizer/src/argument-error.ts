/** Mistakes of the caller, worded `where: expected X, got Y`. */

/** Throws a `RangeError`: a value of the right type, but none that can be. */
export function rejectRange(where: string, expected: string, got: unknown): never {
  throw new RangeError(`${where}: expected ${expected}, got ${String(got)}`);
}

/** Throws a `TypeError` unless the value is a string. */
export function requireString(where: string, value: unknown): void {
  if (typeof value !== "string") throw new TypeError(`${where}: expected a string, got ${typeof value}`);
}
