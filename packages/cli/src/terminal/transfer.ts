/**
 * A line on the terminal for each file that is fetched, converted or written, with what is left of it.
 */
import type { LoadProgress } from "@chinese-clip/node";
import { cutToWidth, TerminalLine, type TerminalStream } from "./line.js";
import { formatSeconds } from "./progress.js";
import { displayWidth } from "./table.js";

/** Cells of a bar, where there is room. */
const BARS = [20, 10];
/** Columns of a file's name that are not given up for a bar. */
const LEAST_NAME = 24;

/** Shows the events of a load; a line every ten seconds where the stream is no terminal. */
export class TransferProgress {
  readonly #line: TerminalLine;
  /** When and at which byte each file's transfer began here; a resumed one begins late. */
  readonly #started = new Map<string, { readonly time: number; readonly loaded: number }>();

  constructor(stream: TerminalStream) {
    this.#line = new TerminalLine(stream);
  }

  /** Takes one event. */
  report(event: LoadProgress): void {
    if (event.status !== "progress") return;
    const { file, loaded, total } = event;
    const now = performance.now();
    const started = this.#started.get(file) ?? { time: now, loaded };
    this.#started.set(file, started);
    const moved = { bytes: loaded - started.loaded, seconds: (now - started.time) / 1000 };
    this.#line.draw(file, loaded >= total, (columns) => formatTransfer(file, loaded, total, moved, columns));
    if (loaded >= total) this.#line.end();
  }

  /** Ends the line, if there is one. */
  end(): void {
    this.#line.end();
  }
}

/**
 * `model.safetensors  ████████░░░░░░░░░░░░  312 / 753 MB  41%  23 MB/s  00:19`. Where there is less room, the bar is shorter or not there, and
 * then the name is cut.
 *
 * @param moved - what came of it here, and in which time.
 */
export function formatTransfer(
  file: string,
  loaded: number,
  total: number,
  moved: { readonly bytes: number; readonly seconds: number },
  columns: number,
): string {
  const share = total === 0 ? 1 : Math.min(1, loaded / total);
  const size = formatBytes(total);
  const unit = size.slice(size.indexOf(" ") + 1);
  const parts = [`${formatBytes(loaded, unit).split(" ", 1)[0]} / ${size}`, `${Math.floor(100 * share)}%`];
  const rate = moved.seconds > 0.2 ? moved.bytes / moved.seconds : 0;
  if (rate > 0) parts.push(`${formatBytes(rate)}/s`, formatSeconds((total - loaded) / rate));
  const numbers = parts.join("  ");
  const room = columns - 2 - displayWidth(numbers);
  const bar = BARS.find((cells) => room - cells - 2 >= Math.min(LEAST_NAME, displayWidth(file)));
  if (bar === undefined) return room < 4 ? numbers : `${cutToWidth(file, room)}  ${numbers}`;
  const filled = Math.round(bar * share);
  return `${cutToWidth(file, room - bar - 2)}  ${"█".repeat(filled)}${"░".repeat(bar - filled)}  ${numbers}`;
}

const UNITS: readonly (readonly [name: string, bytes: number])[] = [
  ["GB", 1e9],
  ["MB", 1e6],
  ["kB", 1e3],
  ["B", 1],
];

/** Bytes for people, three digits: `753 MB`, `4.79 MB`, `12 B`. */
export function formatBytes(bytes: number, unit?: string): string {
  const [name, size] = UNITS.find(([candidate, least]) => (unit === undefined ? bytes >= least : candidate === unit)) ?? ["B", 1];
  const value = bytes / size;
  return `${value.toFixed(size === 1 || value >= 100 ? 0 : value >= 10 ? 1 : 2)} ${name}`;
}
