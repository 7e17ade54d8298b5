/**
 * JSON of a stranger. Depth and number of values are counted in the bytes, before anything is built of them: 32 MiB of `[[],[],…` would otherwise
 * become half a gigabyte of arrays.
 */
import { ServerError } from "../server-error.js";

/** Levels of arrays and objects. */
const MAX_DEPTH = 64;

/** Commas and opening brackets: an index's page of vectors has some 1000 x 1024. */
const MAX_VALUES = 2_000_000;

const [QUOTE, BACKSLASH, COMMA, OPEN_ARRAY, CLOSE_ARRAY, OPEN_OBJECT, CLOSE_OBJECT] = [0x22, 0x5c, 0x2c, 0x5b, 0x5d, 0x7b, 0x7d] as const;

/**
 * Parses JSON in UTF-8.
 *
 * @throws ServerError - `invalid-json`.
 */
export function parseJson(bytes: Uint8Array): unknown {
  checkShape(bytes);
  try {
    return JSON.parse(new TextDecoder("utf-8", { fatal: true }).decode(bytes)) as unknown;
  } catch (cause) {
    throw new ServerError("invalid-json", "expected a body of JSON in UTF-8, got something else", {}, { cause });
  }
}

function checkShape(bytes: Uint8Array): void {
  let [depth, values] = [0, 0];
  for (let at = 0; at < bytes.length; at++) {
    const byte = bytes[at];
    if (byte === QUOTE) at = endOfString(bytes, at);
    else if (byte === COMMA) values++;
    else if (byte === CLOSE_ARRAY || byte === CLOSE_OBJECT) depth--;
    else if (byte === OPEN_ARRAY || byte === OPEN_OBJECT) {
      values++;
      if (++depth > MAX_DEPTH) throw new ServerError("invalid-json", `expected JSON of at most ${MAX_DEPTH} levels`);
    }
    if (values > MAX_VALUES) throw new ServerError("invalid-json", `expected JSON of at most ${MAX_VALUES} values`);
  }
}

/** Where a string that begins at `start` ends; the end of the bytes where it does not. */
function endOfString(bytes: Uint8Array, start: number): number {
  for (let at = start; ;) {
    const quote = bytes.indexOf(QUOTE, at + 1);
    if (quote < 0) return bytes.length;
    let slash = quote - 1;
    while (bytes[slash] === BACKSLASH) slash--;
    if ((quote - slash) % 2 === 1) return quote;
    at = quote;
  }
}
