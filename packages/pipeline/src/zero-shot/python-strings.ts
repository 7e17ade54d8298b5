/**
 * The strings on one line of a Python list, as cn_clip's `cvinw_zeroshot_templates.py` has them: `lambda c: f"{c}的照片", "{}的图片",`.
 */
import { TextScanner } from "./text-scanner.js";

/** A string of a list. */
export interface PythonString {
  readonly text: string;
  /** The lambda's parameter, where it is in one. */
  readonly parameter: string | undefined;
}

/** A line's strings. */
export interface PythonStrings {
  readonly strings: readonly PythonString[];
  /** Whether the list ends on the line. */
  readonly isClosed: boolean;
}

/** `name = [` or `name: list[str] = (`: the list's name and what follows its bracket. */
export function takeListHead(line: string): { readonly name: string; readonly rest: string } | undefined {
  const scanner = new TextScanner(line);
  const name = scanner.takeWord();
  if (name === "") return undefined;
  scanner.skipSpaces();
  if (scanner.next === ":") scanner.skipWhile((character) => character !== "=");
  if (!scanner.take("=")) return undefined;
  scanner.skipSpaces();
  return scanner.take("[") || scanner.take("(") ? { name, rest: line.slice(scanner.at) } : undefined;
}

/** Whether a line begins with a string, in a lambda or alone. */
export function startsWithString(line: string): boolean {
  return takeOpening(new TextScanner(line)) !== undefined;
}

/** A line's strings, separated by commas; undefined for anything else. */
export function takeStrings(line: string): PythonStrings | undefined {
  const scanner = new TextScanner(line);
  const strings: PythonString[] = [];
  for (;;) {
    const start = scanner.at;
    const opening = takeOpening(scanner);
    if (opening === undefined) {
      scanner.at = start;
      break;
    }
    const text = takeRestOfString(scanner, opening.quote);
    if (text === undefined) return undefined;
    strings.push({ text, parameter: opening.parameter });
    skipFormatCall(scanner);
    scanner.skipSpaces();
    scanner.take(",");
  }
  scanner.skipSpaces();
  const brackets = scanner.at;
  scanner.skipWhile(isClosing);
  const isClosed = scanner.at > brackets;
  scanner.skipSpaces();
  return scanner.isAtEnd || scanner.next === "#" ? { strings, isClosed } : undefined;
}

/** Whether a line without strings ends a list: a bracket with nothing but a comment after it. */
export function closesList(line: string): boolean {
  let next = "";
  for (let at = line.length - 1; at >= 0; at--) {
    const character = line.charAt(at);
    if (isClosing(character) && (next === "" || next === "#")) return true;
    if (character.trim() !== "") next = character;
  }
  return false;
}

function isClosing(character: string): boolean {
  return character === "]" || character === ")";
}

/** `lambda c: f"` or `'`. */
function takeOpening(scanner: TextScanner): { readonly quote: string; readonly parameter: string | undefined } | undefined {
  scanner.skipSpaces();
  const parameter = takeLambda(scanner);
  for (let prefix = 0; prefix < 2 && "fFuUrR".includes(scanner.next); prefix++) scanner.at++;
  const quote = scanner.next;
  if (quote !== '"' && quote !== "'") return undefined;
  scanner.at++;
  return { quote, parameter };
}

function takeLambda(scanner: TextScanner): string | undefined {
  const start = scanner.at;
  if (scanner.take("lambda")) {
    const afterWord = scanner.at;
    scanner.skipSpaces();
    const parameter = scanner.at === afterWord ? "" : scanner.takeWord();
    scanner.skipSpaces();
    if (parameter !== "" && scanner.take(":")) {
      scanner.skipSpaces();
      return parameter;
    }
  }
  scanner.at = start;
  return undefined;
}

function takeRestOfString(scanner: TextScanner, quote: string): string | undefined {
  let text = "";
  while (!scanner.isAtEnd) {
    const unit = scanner.next;
    scanner.at++;
    if (unit === quote) return text;
    if (unit === "\\") {
      text += scanner.next;
      scanner.at++;
    } else text += unit;
  }
  return undefined;
}

/** `.format(name)` behind a string. */
function skipFormatCall(scanner: TextScanner): void {
  const start = scanner.at;
  scanner.skipSpaces();
  if (scanner.take(".format(")) {
    scanner.skipWhile((character) => character !== ")");
    if (scanner.take(")")) return;
  }
  scanner.at = start;
}
