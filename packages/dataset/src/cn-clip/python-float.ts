/**
 * Floats as Python writes them (`repr`), which is how cn_clip's feature files hold them.
 */

/** Bytes that a float takes at most: `-1.7976931348623157e+308` has 24. */
export const LONGEST_FLOAT = 32;

const [MINUS, PLUS, POINT, ZERO, EXPONENT] = [0x2d, 0x2b, 0x2e, 0x30, 0x65] as const;

/** Where {@link formatPythonFloat} writes. */
const scratch = new Uint8Array(LONGEST_FLOAT);

/**
 * Python's `repr` of a float. The digits are the same as JavaScript's (both are the shortest that read back as the same double); the
 * notation is not: `1.0`, `1e-05`, `1e+16`, `inf`, `nan`.
 */
export function formatPythonFloat(value: number): string {
  let text = "";
  for (let at = 0, end = writePythonFloat(value, scratch, 0); at < end; at++) text += String.fromCharCode(scratch[at] as number);
  return text;
}

/**
 * Writes {@link formatPythonFloat}'s text into bytes. Features are millions of numbers, and a few strings for each are garbage that V8 makes room
 * for by tens of megabytes; `String(value)` would even stay in memory, since V8 remembers the texts of the last thousands of numbers.
 *
 * @param bytes - has {@link LONGEST_FLOAT} of them from `at`.
 * @returns where the text ends.
 */
export function writePythonFloat(value: number, bytes: Uint8Array, at: number): number {
  if (Number.isNaN(value)) return writeAscii("nan", bytes, at);
  let to = at;
  if (value < 0 || Object.is(value, -0)) bytes[to++] = MINUS;
  if (!Number.isFinite(value)) return writeAscii("inf", bytes, to);
  const text = Math.abs(value).toExponential(); // d[.ddd]e±d
  const end = text.indexOf("e");
  const digits = end === 1 ? 1 : end - 1;
  let power = 0;
  for (let i = end + 2; i < text.length; i++) power = 10 * power + text.charCodeAt(i) - ZERO;
  if (text.charCodeAt(end + 1) === MINUS) power = -power;

  if (power < -4 || power >= 16) {
    to = writeAscii(text.slice(0, end), bytes, to);
    bytes[to++] = EXPONENT;
    bytes[to++] = power < 0 ? MINUS : PLUS;
    return writeAscii(String(Math.abs(power)).padStart(2, "0"), bytes, to);
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

/**
 * Writes text of ASCII characters into bytes.
 *
 * @returns where it ends.
 */
export function writeAscii(text: string, bytes: Uint8Array, at: number): number {
  for (let i = 0; i < text.length; i++) bytes[at + i] = text.charCodeAt(i);
  return at + text.length;
}
