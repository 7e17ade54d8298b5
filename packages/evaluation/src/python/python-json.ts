/**
 * JSON as Python's `json.loads` reads it: integers of any size apart from floats, `NaN` and `Infinity`, later keys over earlier ones,
 * and its error messages, which end up in cn_clip's result files. Follows CPython 3.11's `json/decoder.py` and `scanner.py`.
 */
import type { PythonValue } from "./python-value.js";

/** Text that `json.loads` does not take; the message is Python's, with line, column and character counted as there. */
export class PythonJsonError extends Error {
  override readonly name: string = "PythonJsonError";

  constructor(message: string, text: string, position: number) {
    const before = text.slice(0, position);
    const line = before.split("\n").length;
    const column = Array.from(before.slice(before.lastIndexOf("\n") + 1)).length + 1;
    super(`${message}: line ${line} column ${column} (char ${Array.from(before).length})`);
  }
}

/**
 * `json.loads(text)`.
 *
 * @throws PythonJsonError
 */
export function loadPythonJson(text: string): PythonValue {
  if (text.startsWith("\uFEFF")) throw new PythonJsonError("Unexpected UTF-8 BOM (decode using utf-8-sig)", text, 0);
  const scanner = new Scanner(text);
  scanner.skipSpace();
  const value = scanner.value();
  scanner.skipSpace();
  if (scanner.position < text.length) throw new PythonJsonError("Extra data", text, scanner.position);
  return value;
}

/** Nesting beyond which Python's recursion limit ends the parsing. */
const DEEPEST = 900;

const NUMBER = /(-?(?:0|[1-9]\d*))(\.\d+)?([eE][-+]?\d+)?/y;
const WORDS: readonly (readonly [word: string, value: PythonValue])[] = [
  ["null", null],
  ["true", true],
  ["false", false],
  ["NaN", NaN],
  ["Infinity", Infinity],
  ["-Infinity", -Infinity],
];
const ESCAPES: Readonly<Record<string, string>> = { '"': '"', "\\": "\\", "/": "/", b: "\b", f: "\f", n: "\n", r: "\r", t: "\t" };

class Scanner {
  position = 0;
  readonly #text: string;
  #depth = 0;

  constructor(text: string) {
    this.#text = text;
  }

  skipSpace(): void {
    while (" \t\n\r".includes(this.#text.charAt(this.position)) && this.position < this.#text.length) this.position++;
  }

  value(): PythonValue {
    const start = this.position;
    const next = this.#text.charAt(start);
    if (next === '"') return this.#string();
    if (next === "{" || next === "[") {
      if (++this.#depth > DEEPEST) throw new PythonJsonError("maximum recursion depth exceeded", this.#text, start);
      const inner = next === "{" ? this.#dict() : this.#list();
      this.#depth--;
      return inner;
    }
    NUMBER.lastIndex = start;
    const match = NUMBER.exec(this.#text);
    if (match !== null) {
      this.position = start + match[0].length;
      return match[2] === undefined && match[3] === undefined ? BigInt(match[0]) : Number(match[0]);
    }
    for (const [word, value] of WORDS) {
      if (!this.#text.startsWith(word, start)) continue;
      this.position = start + word.length;
      return value;
    }
    throw new PythonJsonError("Expecting value", this.#text, start);
  }

  #dict(): PythonValue {
    const dict = new Map<string, PythonValue>();
    this.position++;
    this.skipSpace();
    if (this.#take("}")) return dict;
    for (;;) {
      if (this.#text.charAt(this.position) !== '"') this.#fail("Expecting property name enclosed in double quotes", this.position);
      const key = this.#string();
      this.skipSpace();
      if (!this.#take(":")) this.#fail("Expecting ':' delimiter", this.position);
      this.skipSpace();
      const value = this.value();
      dict.set(key, value);
      this.skipSpace();
      if (this.#take("}")) return dict;
      if (!this.#take(",")) this.#fail("Expecting ',' delimiter", this.position);
      this.skipSpace();
    }
  }

  #list(): PythonValue {
    const list: PythonValue[] = [];
    this.position++;
    this.skipSpace();
    if (this.#take("]")) return list;
    for (;;) {
      list.push(this.value());
      this.skipSpace();
      if (this.#take("]")) return list;
      if (!this.#take(",")) this.#fail("Expecting ',' delimiter", this.position);
      this.skipSpace();
    }
  }

  #string(): string {
    const begin = this.position++;
    let value = "";
    for (;;) {
      const unit = this.#text.charAt(this.position);
      if (unit === "") this.#fail("Unterminated string starting at", begin);
      if (unit === '"') {
        this.position++;
        return value;
      }
      if (unit < " ") this.#fail("Invalid control character at", this.position);
      if (unit !== "\\") {
        value += unit;
        this.position++;
        continue;
      }
      const letter = this.#text.charAt(this.position + 1);
      if (letter === "") this.#fail("Unterminated string starting at", begin);
      if (letter === "u") {
        const hex = this.#text.slice(this.position + 2, this.position + 6);
        if (!/^[\da-fA-F]{4}$/.test(hex)) this.#fail("Invalid \\uXXXX escape", this.position + 1);
        value += String.fromCharCode(Number.parseInt(hex, 16));
        this.position += 6;
        continue;
      }
      const escaped = ESCAPES[letter];
      if (escaped === undefined) this.#fail("Invalid \\escape", this.position);
      value += escaped ?? "";
      this.position += 2;
    }
  }

  #take(unit: string): boolean {
    if (this.#text.charAt(this.position) !== unit) return false;
    this.position++;
    return true;
  }

  #fail(message: string, position: number): never {
    throw new PythonJsonError(message, this.#text, position);
  }
}
