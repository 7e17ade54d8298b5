/**
 * One line of a terminal that is drawn again and again. Where the stream is no terminal, as in a log, a line is written every ten seconds.
 */
import { printable } from "./printable.js";
import { displayWidth } from "./table.js";

/** Milliseconds between two drawings. */
const INTERVAL = 100;
/** Milliseconds between two lines of a log, and before the first one. */
const LOG_INTERVAL = 10_000;
/** Columns where the terminal does not say. */
const COLUMNS = 80;

/** What is used of a stream. */
export type TerminalStream = Pick<NodeJS.WriteStream, "isTTY" | "columns" | "write">;

/** A line that ends when the next one begins. */
export class TerminalLine {
  readonly #stream: TerminalStream;
  #name: string | undefined;
  #text = "";
  #drawn = 0;
  #logged = performance.now();

  constructor(stream: TerminalStream) {
    this.#stream = stream;
  }

  /** Whether anybody sees it. */
  get visible(): boolean {
    return this.#stream.isTTY && process.env["TERM"] !== "dumb"; // one that cannot go back in a line
  }

  /**
   * Draws the line, unless that was done a moment ago.
   *
   * @param name - of the line; with another one the line before ends.
   * @param last - whether it must be drawn, since nothing comes after it.
   * @param format - gives the text, for so many columns.
   */
  draw(name: string, last: boolean, format: (columns: number) => string): void {
    if (!this.visible) return this.#log(format);
    if (name !== this.#name) {
      this.end();
      this.#name = name;
      this.#text = "";
      this.#drawn = 0;
    }
    const now = performance.now();
    if (this.#drawn > 0 && now - this.#drawn < INTERVAL && !last) return;
    // The last column stays free: a terminal would go on in the next line, and \r not come back to this one.
    const columns = (this.#stream.columns ?? COLUMNS) - 1;
    const text = cutToWidth(printable(format(columns)), columns);
    if (text !== this.#text) this.#stream.write(`\r\u001b[K${text}`);
    [this.#text, this.#drawn] = [text, now];
  }

  #log(format: (columns: number) => string): void {
    const now = performance.now();
    if (now - this.#logged < LOG_INTERVAL) return;
    this.#logged = now;
    this.#stream.write(`${printable(format(COLUMNS))}\n`);
  }

  /** Ends the line, if there is one. */
  end(): void {
    if (this.#name !== undefined) this.#stream.write("\n");
    this.#name = undefined;
  }
}

/** As much of a text as goes into so many columns, with a mark where something is missing. */
export function cutToWidth(text: string, columns: number): string {
  if (displayWidth(text) <= columns) return text;
  let [cut, width] = ["", 1];
  for (const character of text) {
    width += displayWidth(character);
    if (width > columns) break;
    cut += character;
  }
  return columns < 1 ? "" : `${cut}…`;
}
