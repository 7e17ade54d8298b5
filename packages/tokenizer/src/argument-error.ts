/** Mistakes of the caller, worded `where: expected X, got Y`. */
import { showValue } from "./show-value.js";

/** Throws a `RangeError` that shows the value, or a `TypeError` that names its type. */
export function reject(where: string, expected: string, got: unknown, Kind: ErrorConstructor = RangeError): never {
  throw new Kind(`${where}: expected ${expected}, got ${Kind === TypeError ? typeof got : showValue(got)}`);
}
