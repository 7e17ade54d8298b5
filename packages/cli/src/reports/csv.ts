/**
 * Tables for spreadsheets: comma-separated, RFC 4180, with the byte order mark by which Excel knows UTF-8. A text that a spreadsheet would take for a
 * formula is marked as text by an apostrophe; numbers stay numbers.
 */

/** One value of a table. */
export type CsvCell = string | number | undefined;

/** What a formula begins with, also in full width. */
const FORMULA = /^[=+\-@\t\r\n＝＋－＠]/;

/** The lines of a table, its head first. */
export function* formatCsv(rows: Iterable<readonly CsvCell[]>): Generator<string, void, undefined> {
  let mark = "\ufeff";
  for (const row of rows) {
    yield `${mark}${row.map(formatCell).join(",")}\r\n`;
    mark = "";
  }
}

function formatCell(value: CsvCell): string {
  if (value === undefined) return "";
  if (typeof value === "number") return Number.isFinite(value) ? String(value) : "";
  const text = FORMULA.test(value) ? `'${value}` : value;
  return /[",\r\n\t ]/.test(text) ? `"${text.replaceAll('"', '""')}"` : text;
}
