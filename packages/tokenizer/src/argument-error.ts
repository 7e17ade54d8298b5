/** Mistakes of the caller, worded `where: expected X, got Y`. */
import { showValue } from "./show-value.js";

/** @throws TypeError - options that are null or no object, as calls without types give. */
export function checkOptions(where: string, options: unknown): void {
  if (typeof options !== "object" || options === null)
    throw new TypeError(`${where}: expected options to be an object, got ${showValue(options)}`);
}

/** Throws a `RangeError` that shows the value, or a `TypeError` that names its type. */
export function reject(where: string, expected: string, got: unknown, Kind: ErrorConstructor = RangeError): never {
  throw new Kind(`${where}: expected ${expected}, got ${Kind === TypeError ? typeof got : showValue(got)}`);
}
