/**
 * The values of Python's `json`, which tells integers from floats: `1` and `1.0` are different things in cn_clip's checks and in the
 * files that it writes. Here a Python int is a `bigint` and a Python float a `number`.
 */

/** A value as Python's `json.loads` gives it. */
export type PythonValue = null | boolean | bigint | number | string | PythonList | PythonDict;

/** A Python list. */
export interface PythonList extends ReadonlyArray<PythonValue> {}

/** A Python dict with string keys, in the order of insertion. */
export interface PythonDict extends ReadonlyMap<string, PythonValue> {}

/** Whether a value is a dict. */
export function isDict(value: PythonValue): value is PythonDict {
  return value instanceof Map;
}

/** Whether a value is a list. */
export function isList(value: PythonValue): value is PythonList {
  return Array.isArray(value);
}

/** `isinstance(value, int)`: in Python a bool is an int too. */
export function isInt(value: PythonValue): value is bigint | boolean {
  return typeof value === "bigint" || typeof value === "boolean";
}

/** A key under which values that Python calls equal are one: `1`, `1.0` and `True` are. */
export function equalityKey(value: PythonValue): string {
  if (typeof value === "string") return `s${value}`;
  if (typeof value === "boolean") return value ? "n1" : "n0";
  if (typeof value === "bigint") return `n${value}`;
  if (typeof value === "number") return Number.isInteger(value) ? `n${BigInt(value)}` : `f${value}`;
  return `o${JSON.stringify(value, (_key, inner: unknown) => (typeof inner === "bigint" ? `${inner}n` : inner))}`;
}

/** `type(value).__name__`. */
export function typeName(value: PythonValue): string {
  if (value === null) return "NoneType";
  if (typeof value === "boolean") return "bool";
  if (typeof value === "bigint") return "int";
  if (typeof value === "number") return "float";
  if (typeof value === "string") return "str";
  return isDict(value) ? "dict" : "list";
}
