/** Mistakes of the caller, worded `where: expected X, got Y`. */

/** Throws a `RangeError`, or a `TypeError` for a value of a wrong type, of which `got` is then the type. */
export function reject(where: string, expected: string, got: unknown, Kind: ErrorConstructor = RangeError): never {
  throw new Kind(`${where}: expected ${expected}, got ${String(got)}`);
}
