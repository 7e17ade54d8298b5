/**
 * A position in a line of text that moves forward only: what small grammars are read with, in time linear in the line.
 */

/** Reads a line from left to right. */
export class TextScanner {
  /** The line. */
  readonly text: string;
  /** The next character's place. */
  at: number;

  constructor(text: string, at = 0) {
    this.text = text;
    this.at = at;
  }

  /** Whether the line is read. */
  get isAtEnd(): boolean {
    return this.at >= this.text.length;
  }

  /** The next character; `""` at the end. */
  get next(): string {
    return this.text.charAt(this.at);
  }

  /** Skips white space. */
  skipSpaces(): void {
    this.skipWhile(isSpace);
  }

  /** Skips characters of a kind. */
  skipWhile(isOne: (character: string) => boolean): void {
    while (!this.isAtEnd && isOne(this.next)) this.at++;
  }

  /** Takes an expected text; moves only if it is there. */
  take(expected: string): boolean {
    if (!this.text.startsWith(expected, this.at)) return false;
    this.at += expected.length;
    return true;
  }

  /** Takes ASCII letters, digits and underscores, as many as there are. */
  takeWord(): string {
    const start = this.at;
    this.skipWhile(isWordCharacter);
    return this.text.slice(start, this.at);
  }
}

/** Whether a character is white space, as `trim` has it. */
export function isSpace(character: string): boolean {
  return character === " " || character.trim() === "";
}

function isWordCharacter(character: string): boolean {
  const code = character.charCodeAt(0);
  return (code >= 48 && code <= 57) || (code >= 65 && code <= 90) || code === 95 || (code >= 97 && code <= 122);
}
