/**
 * Text as a terminal may show it: control characters, which could move the cursor or write over other lines, become visible.
 */

/** Control characters but the tab and the end of line, and those that turn the direction of text around. */
const HIDDEN = /(?![\n\t])\p{Cc}|[\u202a-\u202e\u2066-\u2069]/gu;

/** The text with control characters as `\u001b`, which in JSON is the same character; line ends and tabs stay. */
export function printable(text: string): string {
  return text.replace(HIDDEN, (character) => `\\u${character.charCodeAt(0).toString(16).padStart(4, "0")}`);
}

/** A name for a table or a list: as {@link printable}, and on one line. */
export function oneLine(text: string): string {
  return printable(text).replaceAll(/[\n\t]/g, (character) => (character === "\n" ? "\\n" : "\\t"));
}
