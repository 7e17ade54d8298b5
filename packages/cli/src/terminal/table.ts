/**
 * Columns on a terminal, where a Chinese character is as wide as two Latin ones.
 */

/** Columns that a text takes. */
export function displayWidth(text: string): number {
  return Array.from(text).reduce(
    (sum, character) => sum + (/[\u1100-\u115f\u2e80-\uffdc\uffe0-\uffe6\u{20000}-\u{3fffd}]/u.test(character) ? 2 : 1),
    0,
  );
}

/** Columns that the widest of these texts takes; 0 for none. However many there are: they are not spread into a call. */
export function widest(texts: readonly string[]): number {
  return texts.reduce((width, text) => Math.max(width, displayWidth(text)), 0);
}

/** Rows as a table: the first column to the left, the others to the right. */
export function formatTable(rows: readonly (readonly string[])[]): string {
  const columns = rows.reduce((most, row) => Math.max(most, row.length), 0);
  const widths = Array.from({ length: columns }, (_, column) => widest(rows.map((row) => row[column] ?? "")));
  return rows
    .map((row) =>
      widths
        .map((width, column) => {
          const cell = row[column] ?? "";
          const space = " ".repeat(width - displayWidth(cell));
          return column === 0 ? cell + space : space + cell;
        })
        .join("  ")
        .trimEnd(),
    )
    .join("\n");
}
