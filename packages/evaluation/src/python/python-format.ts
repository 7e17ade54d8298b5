/**
 * Values written as Python writes them: `json.dumps` with its defaults, and `str.format`. cn_clip's result files are
 * these bytes, so a file written here can be compared with one written there.
 */
import { formatPythonFloat } from "@chinese-clip/dataset/formats";
import { isDict, isList, type PythonValue } from "./python-value.js";

/** A float in JSON: as {@link formatPythonFloat}, but `NaN`, `Infinity` and `-Infinity`, which Python's `json` writes though JSON has none. */
function formatJsonFloat(value: number): string {
  if (Number.isNaN(value)) return "NaN";
  if (!Number.isFinite(value)) return value > 0 ? "Infinity" : "-Infinity";
  return formatPythonFloat(value);
}

/** A string in JSON with `ensure_ascii`: everything outside printable ASCII as `\uXXXX`, by UTF-16 units. */
export function formatJsonString(text: string): string {
  const inner = JSON.stringify(text).replace(/[\u007f-\uffff]/g, (unit) => `\\u${unit.charCodeAt(0).toString(16).padStart(4, "0")}`);
  return inner;
}

/** `json.dumps(value)` with its defaults: `, ` and `: `, ASCII only. */
export function dumpPythonJson(value: PythonValue): string {
  if (value === null) return "null";
  if (typeof value === "boolean" || typeof value === "bigint") return String(value);
  if (typeof value === "number") return formatJsonFloat(value);
  if (typeof value === "string") return formatJsonString(value);
  if (isList(value)) return `[${value.map(dumpPythonJson).join(", ")}]`;
  return `{${[...value].map(([key, inner]) => `${formatJsonString(key)}: ${dumpPythonJson(inner)}`).join(", ")}}`;
}

/** `str(value)`, which is what `"{}".format(value)` puts in. */
export function pythonStr(value: PythonValue): string {
  return typeof value === "string" ? value : pythonRepr(value);
}

/** `repr(value)`. */
export function pythonRepr(value: PythonValue): string {
  if (value === null) return "None";
  if (typeof value === "boolean") return value ? "True" : "False";
  if (typeof value === "bigint") return String(value);
  if (typeof value === "number") return formatPythonFloat(value);
  if (typeof value === "string") return reprString(value);
  if (isDict(value)) return `{${[...value].map(([key, inner]) => `${reprString(key)}: ${pythonRepr(inner)}`).join(", ")}}`;
  return `[${value.map(pythonRepr).join(", ")}]`;
}

const NAMED_ESCAPES: Readonly<Record<string, string>> = { "\\": "\\\\", "\n": "\\n", "\r": "\\r", "\t": "\\t" };

/** `repr` of a string: single quotes unless it has those and no double ones; what cannot be printed is escaped. */
function reprString(text: string): string {
  const quote = text.includes("'") && !text.includes('"') ? '"' : "'";
  const inner = Array.from(text, (character) => {
    if (character === quote) return `\\${quote}`;
    const named = NAMED_ESCAPES[character];
    if (named !== undefined) return named;
    if (character === " " || !/[\p{C}\p{Z}]/u.test(character)) return character;
    const code = character.codePointAt(0) ?? 0;
    const hex = code.toString(16);
    if (code <= 0xff) return `\\x${hex.padStart(2, "0")}`;
    return code <= 0xffff ? `\\u${hex.padStart(4, "0")}` : `\\U${hex.padStart(8, "0")}`;
  }).join("");
  return `${quote}${inner}${quote}`;
}

/**
 * Python's `round(value, 6)`: the nearest decimal, and of two equally near the even one. Only odd multiples of 1/128 lie halfway between
 * two numbers of six decimals and are doubles: there `toFixed` would go away from zero.
 */
export function roundToSixDecimals(value: number): number {
  if (!Number.isFinite(value)) return value;
  const multiple = value * 128;
  if (Number.isInteger(multiple) && multiple % 2 !== 0 && Math.abs(multiple) < 2 ** 40) {
    // value = n / 128, n odd: n * 7812.5 millionths exactly, ending in .5
    const millionths = multiple * 7812.5;
    const below = Math.floor(millionths);
    return (below % 2 === 0 ? below : below + 1) / 1e6;
  }
  return Math.abs(value) < 1e21 ? Number(value.toFixed(6)) : value;
}
