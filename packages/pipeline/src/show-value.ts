/** The one way to show a bad value in a message: bounded in depth and length, control and format characters escaped. */

/** The first `limit` UTF-16 units of a text, on one line and without characters that a terminal acts on. */
export function showText(text: string, limit = 60): string {
  return text.slice(0, limit).replace(/[\p{Cc}\p{Cf}\p{Cs}\u2028\u2029]/gu, (char) => `\\u{${char.codePointAt(0)?.toString(16)}}`);
}

/** A value's short form: what an array or an object holds is not looked at. */
export function showValue(value: unknown): string {
  if (typeof value === "string") return `"${showText(value)}"`;
  if (typeof value !== "object" || value === null) return showText(String(value));
  return Array.isArray(value) ? `an array of ${value.length}` : "an object";
}
