/**
 * Tables for the terminal: columns that line up where Chinese characters are two cells wide, bars, and colour only where it is wanted.
 */
/** Unicode's East Asian Wide and Fullwidth blocks, and emoji: two cells each. */
const WIDE =
  /[\u1100-\u115F\u2E80-\uA4CF\uAC00-\uD7A3\uF900-\uFAFF\uFE30-\uFE6F\uFF00-\uFF60\uFFE0-\uFFE6\u{1F300}-\u{1FAFF}\u{20000}-\u{3FFFD}]/u;
const NO_WIDTH = /[\p{Mn}\p{Me}\p{Cf}]/u;
const EIGHTHS = ["", "▏", "▎", "▍", "▌", "▋", "▊", "▉"];
const LONGEST_CELL = 40;

/** How text is set off; each is the identity where colour is not wanted. */
export interface Paint {
  readonly title: (text: string) => string;
  readonly best: (text: string) => string;
  readonly faint: (text: string) => string;
}

/** Colours for a stream: none for a file or a pipe, none under NO_COLOR (no-color.org). */
export function createPaint(stream: { readonly isTTY?: boolean | undefined }): Paint {
  const colour = stream.isTTY === true && (process.env["NO_COLOR"] ?? "") === "";
  const style = (code: number) => (text: string) => (colour ? `\u001B[${code}m${text}\u001B[0m` : text);
  return { title: style(1), best: style(32), faint: style(2) };
}

/** Cells that a text takes in a terminal. */
export function displayWidth(text: string): number {
  return Array.from(text).reduce((width, character) => width + (NO_WIDTH.test(character) ? 0 : WIDE.test(character) ? 2 : 1), 0);
}

/** A bar of `width` cells, filled to `fraction` (clamped to [0, 1]) in steps of an eighth of a cell. */
export function bar(fraction: number, width: number): string {
  const eighths = Math.round(Math.min(1, Math.max(0, fraction)) * width * 8);
  const filled = "█".repeat(Math.floor(eighths / 8)) + (EIGHTHS[eighths % 8] ?? "");
  return filled.padEnd(width);
}

/**
 * Rows as lines, columns two cells apart and each as wide as its widest cell.
 *
 * @param align - one entry for each column.
 */
export function formatTable(rows: readonly (readonly string[])[], align: readonly ("left" | "right")[]): string[] {
  const cells = rows.map((row) => row.map(shorten));
  const widths = align.map((_, column) => Math.max(0, ...cells.map((row) => displayWidth(row[column] ?? ""))));
  return cells.map((row) =>
    row
      .map((cell, column) => {
        const space = " ".repeat((widths[column] ?? 0) - displayWidth(cell));
        return align[column] === "right" ? space + cell : cell + space;
      })
      .join("  ")
      .trimEnd(),
  );
}

/** A cell that is too long, without its middle: file names tell by their ends. */
function shorten(cell: string): string {
  if (displayWidth(cell) <= LONGEST_CELL) return cell;
  const characters = Array.from(cell);
  let [head, tail] = ["", ""];
  while (displayWidth(head + tail) < LONGEST_CELL - 3) {
    head += characters.shift() ?? "";
    tail = (characters.pop() ?? "") + tail;
  }
  return `${head}…${tail}`;
}
