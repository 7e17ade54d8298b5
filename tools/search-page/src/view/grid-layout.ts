/**
 * Where the cells of a grid of squares stand.
 */

/** A grid of equal cells, in pixels. */
export interface GridLayout {
  readonly columns: number;
  /** Width of a cell. */
  readonly cell: number;
  readonly cellHeight: number;
  readonly gap: number;
  /** Cells that are laid out: fewer than there are where a browser's longest element is too short for them. */
  readonly count: number;
  /** Height of all rows. */
  readonly height: number;
}

/** Pixels of an element's height that every browser can scroll: Firefox ends at 17.9 million. */
const MAX_HEIGHT = 16_000_000;

/** Lays out cells. @param width - of the grid. @param caption - pixels of the text below each square. */
export function layOut(width: number, total: number, caption: number): GridLayout {
  const isNarrow = width < 520;
  const gap = isNarrow ? 6 : 12;
  const columns = Math.max(3, Math.floor((width + gap) / ((isNarrow ? 100 : 148) + gap)));
  const cell = Math.max(1, (width - gap * (columns - 1)) / columns);
  const cellHeight = cell + caption;
  const rows = Math.min(Math.ceil(total / columns), Math.floor(MAX_HEIGHT / (cellHeight + gap)));
  return { columns, cell, cellHeight, gap, count: Math.min(total, rows * columns), height: Math.max(0, rows * (cellHeight + gap) - gap) };
}

/** The cells of the rows that are at least in part between two heights, and of `extra` rows around them: first, and end (not included). */
export function cellsBetween(
  { columns, cellHeight, gap, count }: GridLayout,
  top: number,
  bottom: number,
  extra: number,
): readonly [number, number] {
  const pitch = cellHeight + gap;
  const first = Math.max(0, Math.floor(top / pitch) - extra) * columns;
  const end = Math.max(0, Math.ceil(bottom / pitch) + extra) * columns;
  return [Math.min(first, count), Math.min(end, count)];
}

/** Where a key leads from a cell; undefined for a key that leads nowhere. @param rows - of a screen. */
export function cellByKey(key: string, from: number, { columns, count }: GridLayout, rows: number): number | undefined {
  const last = count - 1;
  const within = (cell: number): number => (cell < 0 || cell > last ? from : cell);
  switch (key) {
    case "ArrowLeft":
      return within(from - 1);
    case "ArrowRight":
      return within(from + 1);
    case "ArrowUp":
      return within(from - columns);
    case "ArrowDown":
      return from + columns > last && Math.floor(from / columns) < Math.floor(last / columns) ? last : within(from + columns);
    case "PageUp":
      return from - columns * rows < 0 ? from % columns : from - columns * rows;
    case "PageDown":
      return Math.min(last, from + columns * rows);
    case "Home":
      return 0;
    case "End":
      return last;
    default:
      return undefined;
  }
}
