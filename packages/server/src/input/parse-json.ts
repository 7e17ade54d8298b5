/**
 * JSON of a stranger. Depth and number of values are counted in the bytes, before anything is built of them: 32 MiB of `[[],[],…` would otherwise
 * become half a gigabyte of arrays.
 */
import { ServerError } from "../server-error.js";

/** Levels of arrays and objects. */
const MAX_DEPTH = 64;

/** Commas and opening brackets: an index's page of vectors has some 1000 x 1024. */
const MAX_VALUES = 2_000_000;

/** Bytes that are looked at between two steps. */
const STEP = 2 ** 20;

const [QUOTE, BACKSLASH, COMMA, OPEN_ARRAY, CLOSE_ARRAY, OPEN_OBJECT, CLOSE_OBJECT] = [0x22, 0x5c, 0x2c, 0x5b, 0x5d, 0x7b, 0x7d] as const;

/** Where the parts of JSON are. */
export interface Structure {
  /** Where large arrays and objects begin, and the byte after each. */
  readonly ends: ReadonlyMap<number, number>;
  /** Where a string that begins at a byte ends: its closing quote, or the end of the bytes. */
  readonly endOfString: (start: number) => number;
}

/**
 * Parses JSON in UTF-8.
 *
 * @throws ServerError - `invalid-json`.
 */
export function parseJson(bytes: Uint8Array): unknown {
  const steps = structureOf(bytes, Number.POSITIVE_INFINITY);
  while (steps.next().done !== true);
  try {
    return JSON.parse(new TextDecoder("utf-8", { fatal: true }).decode(bytes)) as unknown;
  } catch (cause) {
    throw invalidJson(cause);
  }
}

/** The error for a body that is no JSON. */
export function invalidJson(cause?: unknown): ServerError {
  return new ServerError("invalid-json", "expected a body of JSON in UTF-8, got something else", {}, { cause });
}

/**
 * Looks at the structure of JSON, a step at a time.
 *
 * @param large - bytes of an array or object that is told of, at least.
 * @throws ServerError - `invalid-json`: too many levels or values.
 */
export function* structureOf(bytes: Uint8Array, large: number): Generator<undefined, Structure, undefined> {
  const ends = new Map<number, number>();
  const starts: number[] = [];
  let [values, next] = [0, STEP];
  for (let at = 0; at < bytes.length; at++) {
    const byte = bytes[at];
    if (byte === QUOTE) at = endOfString(bytes, at);
    else if (byte === COMMA) values++;
    else if (byte === CLOSE_ARRAY || byte === CLOSE_OBJECT) {
      const start = starts.pop();
      if (start !== undefined && at - start >= large) ends.set(start, at + 1);
    } else if (byte === OPEN_ARRAY || byte === OPEN_OBJECT) {
      values++;
      if (starts.push(at) > MAX_DEPTH) throw new ServerError("invalid-json", `expected JSON of at most ${MAX_DEPTH} levels`);
    }
    if (values > MAX_VALUES) throw new ServerError("invalid-json", `expected JSON of at most ${MAX_VALUES} values`);
    if (at < next) continue;
    next = at + STEP;
    yield undefined;
  }
  return { ends, endOfString: (start) => endOfString(bytes, start) };
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
