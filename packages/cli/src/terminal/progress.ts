/**
 * A line on the terminal that says how far a long step is, with its rate and what is left of it.
 */
import { TerminalLine, type TerminalStream } from "./line.js";

/** Shows one step after the other; a line every ten seconds where the stream is no terminal. */
export class TerminalProgress {
  readonly #line: TerminalLine;
  #step: string | undefined;
  #started = 0;
  #done = 0;

  constructor(stream: TerminalStream) {
    this.#line = new TerminalLine(stream);
  }

  /** Says that `done` of `total` of a step are done. */
  report(step: string, done: number, total: number | undefined): void {
    const now = performance.now();
    // A step may come again, as the search in the other direction.
    if (step !== this.#step || done < this.#done) {
      this.#step = step;
      this.#started = now;
    }
    this.#done = done;
    this.#line.draw(step, done === total, () => formatProgress(step, done, total, (now - this.#started) / 1000));
  }

  /** Ends the line, if there is one; the step may go on in another. */
  end(): void {
    this.#line.end();
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
