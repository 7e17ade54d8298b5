/**
 * Values written as Python writes them: `json.dumps` with its defaults, `repr` of floats, and `str.format`. cn_clip's result files are
 * these bytes, so a file written here can be compared with one written there.
 */
import { isDict, isList, type PythonValue } from "./python-value.js";

/** Bytes that a float takes at most: `-1.7976931348623157e+308` has 24. */
export const LONGEST_FLOAT = 32;

const [MINUS, PLUS, POINT, ZERO, EXPONENT] = [0x2d, 0x2b, 0x2e, 0x30, 0x65] as const;

/** Where {@link formatPythonFloat} writes. */
const scratch = Buffer.alloc(LONGEST_FLOAT);

/**
 * Python's `repr` of a float. The digits are the same as JavaScript's (both are the shortest that read back as the same double); the
 * notation is not: `1.0`, `1e-05`, `1e+16`, `inf`, `nan`.
 */
export function formatPythonFloat(value: number): string {
  return scratch.toString("latin1", 0, writePythonFloat(value, scratch, 0));
}

/**
 * Writes {@link formatPythonFloat}'s text into bytes. Features are millions of numbers, and a few strings for each are garbage that V8 makes room
 * for by tens of megabytes; `String(value)` would even be kept, since V8 remembers the texts of the last thousands of numbers.
 *
 * @param bytes - has {@link LONGEST_FLOAT} of them from `at`.
 * @returns where the text ends.
 */
export function writePythonFloat(value: number, bytes: Buffer, at: number): number {
  if (Number.isNaN(value)) return at + bytes.write("nan", at, "latin1");
  let to = at;
  if (value < 0 || Object.is(value, -0)) bytes[to++] = MINUS;
  if (!Number.isFinite(value)) return to + bytes.write("inf", to, "latin1");
  const text = Math.abs(value).toExponential(); // d[.ddd]e±d
  const end = text.indexOf("e");
  const digits = end === 1 ? 1 : end - 1;
  let power = 0;
  for (let i = end + 2; i < text.length; i++) power = 10 * power + text.charCodeAt(i) - ZERO;
  if (text.charCodeAt(end + 1) === MINUS) power = -power;

  if (power < -4 || power >= 16) {
    to += bytes.write(text.slice(0, end), to, "latin1");
    bytes[to++] = EXPONENT;
    bytes[to++] = power < 0 ? MINUS : PLUS;
    return to + bytes.write(String(Math.abs(power)).padStart(2, "0"), to, "latin1");
  }
  if (power < 0) {
    bytes[to++] = ZERO;
    bytes[to++] = POINT;
    for (let i = -1; i > power; i--) bytes[to++] = ZERO;
  }
  for (let i = 0; i < digits || i <= power; i++) {
    if (i === power + 1 && power >= 0) bytes[to++] = POINT;
    // The point is behind the first digit.
    bytes[to++] = i >= digits ? ZERO : text.charCodeAt(i === 0 ? 0 : i + 1);
  }
  if (power >= 0 && digits <= power + 1) {
    bytes[to++] = POINT;
    bytes[to++] = ZERO;
  }
  return to;
}

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
