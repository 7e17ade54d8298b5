/**
 * A line on the terminal for each file that is fetched, converted or written, with what is left of it.
 */
import type { LoadProgress } from "@chinese-clip/node";
import { formatSeconds } from "./terminal-progress.js";

/** Milliseconds between two drawings of a line. */
const INTERVAL = 100;
/** Cells of a bar. */
const BAR = 20;

/** Shows the events of a load; silent where the stream is no terminal. */
export class TransferProgress {
  readonly #stream: NodeJS.WriteStream;
  /** When and at which byte each file's transfer began here; a resumed one begins late. */
  readonly #started = new Map<string, { readonly time: number; readonly loaded: number }>();
  #line: string | undefined;
  #drawn = 0;

  constructor(stream: NodeJS.WriteStream) {
    this.#stream = stream;
  }

  /** Takes one event. */
  report(event: LoadProgress): void {
    if (event.status !== "progress" || !this.#stream.isTTY) return;
    const { file, loaded, total } = event;
    const now = performance.now();
    const started = this.#started.get(file) ?? { time: now, loaded };
    this.#started.set(file, started);
    if (this.#line !== undefined && this.#line !== file) this.end();
    if (now - this.#drawn < INTERVAL && loaded < total) return;
    this.#drawn = now;
    this.#line = file;
    const width = Math.max(20, (this.#stream.columns ?? 80) - 1);
    const line = formatTransfer(file, loaded, total, loaded - started.loaded, (now - started.time) / 1000);
    this.#stream.write(`\r\u001b[K${line.slice(0, width)}`);
    if (loaded >= total) this.end();
  }

  /** Ends the line, if there is one. */
  end(): void {
    if (this.#line !== undefined) this.#stream.write("\n");
    this.#line = undefined;
  }
}

/**
 * `model.safetensors  ████████░░░░░░░░░░░░  312 / 753 MB  41%  23 MB/s  00:19`.
 *
 * @param moved - bytes that came since `seconds` ago.
 */
export function formatTransfer(file: string, loaded: number, total: number, moved: number, seconds: number): string {
  const share = total === 0 ? 1 : Math.min(1, loaded / total);
  const filled = Math.round(BAR * share);
  const size = formatBytes(total);
  const unit = size.slice(size.indexOf(" ") + 1);
  const parts = [file, "█".repeat(filled) + "░".repeat(BAR - filled), `${formatBytes(loaded, unit).replace(/ .*$/, "")} / ${size}`];
  parts.push(`${Math.floor(100 * share)}%`);
  const rate = seconds > 0.2 ? moved / seconds : 0;
  if (rate > 0) parts.push(`${formatBytes(rate)}/s`, formatSeconds((total - loaded) / rate));
  return parts.join("  ");
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
