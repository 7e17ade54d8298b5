/**
 * A line on the terminal that says how far a long step is, with its rate and what is left of it.
 */

/** Milliseconds between two drawings of the line. */
const INTERVAL = 100;

/** Shows one step after the other; silent where the stream is no terminal. */
export class TerminalProgress {
  readonly #stream: NodeJS.WriteStream;
  #step: string | undefined;
  #started = 0;
  #drawn = 0;

  constructor(stream: NodeJS.WriteStream) {
    this.#stream = stream;
  }

  /** Says that `done` of `total` of a step are done. */
  report(step: string, done: number, total: number | undefined): void {
    if (!this.#stream.isTTY) return;
    const now = performance.now();
    if (step !== this.#step) {
      this.end();
      this.#step = step;
      this.#started = now;
      this.#drawn = 0;
    }
    if (now - this.#drawn < INTERVAL && done !== total) return;
    this.#drawn = now;
    const seconds = (now - this.#started) / 1000;
    this.#stream.write(`\r\u001b[K${formatProgress(step, done, total, seconds)}`);
  }

  /** Ends the line, if there is one. */
  end(): void {
    if (this.#step !== undefined) this.#stream.write("\n");
    this.#step = undefined;
  }
}

/** `labels  120 / 600  20%  57.1/s  00:08`. */
export function formatProgress(step: string, done: number, total: number | undefined, seconds: number): string {
  const rate = seconds > 0.2 ? done / seconds : undefined;
  const parts = [step, total === undefined ? String(done) : `${done} / ${total}`];
  if (total !== undefined && total > 0) parts.push(`${Math.floor((100 * done) / total)}%`);
  if (rate !== undefined) parts.push(`${rate.toFixed(rate < 10 ? 1 : 0)}/s`);
  if (rate !== undefined && total !== undefined && rate > 0) parts.push(formatSeconds((total - done) / rate));
  return parts.join("  ");
}

/** `07:05`, `1:07:05`. */
export function formatSeconds(seconds: number): string {
  const whole = Math.ceil(seconds);
  const pad = (value: number): string => String(value).padStart(2, "0");
  const [hours, minutes] = [Math.floor(whole / 3600), Math.floor(whole / 60) % 60];
  return hours > 0 ? `${hours}:${pad(minutes)}:${pad(whole % 60)}` : `${pad(minutes)}:${pad(whole % 60)}`;
}
