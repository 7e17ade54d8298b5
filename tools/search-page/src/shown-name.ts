/**
 * Names of files as a page may show them: what is invisible, breaks lines or turns the direction of text around becomes visible.
 */

/** Control and format characters but the joiners, which emoji and some scripts are written with; lone surrogates; separators of lines. */
const HIDDEN = /(?![\u200c\u200d])[\p{Cc}\p{Cf}\p{Cs}\u2028\u2029]/gu;

/** The text on one line, with such characters as `\u{202e}`. */
export function shownName(text: string): string {
  return text.replace(HIDDEN, (character) => `\\u{${character.codePointAt(0)?.toString(16)}}`);
}

/** The part of a path after the last `/` or `\`; the path itself where that is empty. */
export function baseName(path: string): string {
  return path.split(/[/\\]/u).findLast((part) => part !== "") ?? path;
}
