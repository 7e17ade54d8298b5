/**
 * Large JSON without a long pause: 32 MiB of numbers take `JSON.parse` hundreds of milliseconds, in which no other request is answered. Containers are cut
 * at their commas into runs that `JSON.parse` takes one by one, with other work between them. A thread would not help: cloning what it has parsed
 * takes longer than parsing.
 */
import { invalidJson, type Structure, structureOf } from "./parse-json.js";

/** Bytes of a run, at least. */
const RUN = 64 * 1024;

/** Milliseconds of work between two pauses. */
const TURN = 8;

/** Bytes of a number or word, at most: of millions of digits the engine makes one double, for seconds. */
const LONGEST_TOKEN = 4096;

const [QUOTE, COMMA, OPEN_ARRAY, CLOSE_ARRAY, OPEN_OBJECT, CLOSE_OBJECT] = [0x22, 0x2c, 0x5b, 0x5d, 0x7b, 0x7d] as const;

/**
 * Parses JSON in UTF-8, to what `JSON.parse` makes of it.
 *
 * @param run - bytes of a run, at least.
 * @throws ServerError - `invalid-json`; the signal's reason.
 */
export async function parseJsonSteps(bytes: Uint8Array, signal: AbortSignal, run: number = RUN): Promise<unknown> {
  const pauses = new Pauses(signal);
  const steps = structureOf(bytes, run);
  for (let step = steps.next(); ; step = steps.next()) {
    if (step.done === true) return new Steps(bytes, step.value, pauses, run).document();
    await pauses.pause();
  }
}

/** Lets other work run now and then. */
class Pauses {
  readonly #signal: AbortSignal;
  #since = performance.now();

  constructor(signal: AbortSignal) {
    this.#signal = signal;
  }

  async pause(): Promise<void> {
    if (performance.now() - this.#since < TURN) return;
    await new Promise((resolve) => void setTimeout(resolve, 0));
    this.#signal.throwIfAborted();
    this.#since = performance.now();
  }
}

class Steps {
  readonly #bytes: Uint8Array;
  readonly #structure: Structure;
  readonly #pauses: Pauses;
  readonly #run: number;
  readonly #decoder = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true });

  constructor(bytes: Uint8Array, structure: Structure, pauses: Pauses, run: number) {
    [this.#bytes, this.#structure, this.#pauses, this.#run] = [bytes, structure, pauses, run];
  }

  async document(): Promise<unknown> {
    const start = this.#skipSpace(this.#bytes[0] === 0xef && this.#bytes[1] === 0xbb && this.#bytes[2] === 0xbf ? 3 : 0);
    const end = this.#structure.ends.get(start);
    if (end === undefined) {
      let token = start;
      if (this.#bytes[start] !== QUOTE) while (token < this.#bytes.length && !isSpace(this.#bytes[token])) token++;
      if (this.#bytes.length > this.#run && token - start > LONGEST_TOKEN) throw invalidJson();
      return this.#parse(this.#textOf(start, this.#bytes.length));
    }
    if (this.#skipSpace(end) !== this.#bytes.length) throw invalidJson();
    return this.#container(start, end);
  }

  /** A container whose end is known. */
  async #container(start: number, end: number): Promise<unknown> {
    const isArray = this.#bytes[start] === OPEN_ARRAY;
    if (this.#bytes[end - 1] !== (isArray ? CLOSE_ARRAY : CLOSE_OBJECT)) throw invalidJson();
    const array: unknown[] = [];
    const object: Record<string, unknown> = {};
    /** Where the members begin that are not parsed yet, and the last comma among them. */
    let [from, lastComma] = [start + 1, -1];
    /** Where the number or word begins that `at` may be in, and where the next pause is. */
    let [token, pause] = [start + 1, start + this.#run];
    const flush = async (to: number): Promise<void> => {
      const text = this.#textOf(from, to);
      const parsed = this.#parse(isArray ? `[${text}]` : `{${text}}`) as object;
      const entries = isArray ? (parsed as readonly unknown[]) : Object.entries(parsed);
      // Nothing between two commas, or between a comma and the end.
      if (entries.length === 0 && !(from === start + 1 && to === end - 1)) throw invalidJson();
      if (isArray) for (const one of entries) array.push(one);
      else for (const [key, value] of entries as readonly [string, unknown][]) define(object, key, value);
      [from, lastComma] = [to + 1, -1];
      await this.#pauses.pause();
    };
    for (let at = from; at < end;) {
      const byte = this.#bytes[at];
      if (at >= pause) {
        await this.#pauses.pause();
        pause = at + this.#run;
      }
      const inner = byte === OPEN_ARRAY || byte === OPEN_OBJECT ? this.#structure.ends.get(at) : undefined;
      if (inner !== undefined) {
        // What is before it in its member: nothing, or a key and a colon.
        if (lastComma >= from) await flush(lastComma);
        const prefix = this.#textOf(from, at);
        const value = await this.#container(at, inner);
        if (isArray) {
          if (prefix.trim() !== "") throw invalidJson();
          array.push(value);
        } else define(object, this.#keyOf(prefix), value);
        at = this.#skipSpace(inner);
        if (at !== end - 1 && this.#bytes[at] !== COMMA) throw invalidJson();
        if (at === end - 1) return isArray ? array : object;
        [from, lastComma] = [++at, -1];
        token = at;
      } else if (byte === QUOTE) token = at = this.#structure.endOfString(at) + 1;
      else if (byte === OPEN_ARRAY || byte === OPEN_OBJECT) token = at = this.#endOfSmall(at);
      else {
        if (byte === COMMA && at - from >= this.#run) await flush(at);
        else if (byte === COMMA) lastComma = at;
        at++;
        if (byte === COMMA || isSpace(byte)) token = at;
        else if (at - token > LONGEST_TOKEN) throw invalidJson();
      }
    }
    await flush(end - 1);
    return isArray ? array : object;
  }

  /** After a container that is smaller than a run. */
  #endOfSmall(start: number): number {
    let depth = 0;
    for (let at = start; at < this.#bytes.length; at++) {
      const byte = this.#bytes[at];
      if (byte === QUOTE) at = this.#structure.endOfString(at);
      else if (byte === OPEN_ARRAY || byte === OPEN_OBJECT) depth++;
      else if ((byte === CLOSE_ARRAY || byte === CLOSE_OBJECT) && --depth === 0) return at + 1;
    }
    throw invalidJson();
  }

  /** The key of a member without its value. */
  #keyOf(prefix: string): string {
    const keys = Object.keys(this.#parse(`{${prefix}0}`) as object);
    const [key] = keys;
    if (key === undefined || keys.length !== 1) throw invalidJson();
    return key;
  }

  #skipSpace(from: number): number {
    let at = from;
    while (isSpace(this.#bytes[at])) at++;
    return at;
  }

  #textOf(start: number, end: number): string {
    try {
      return this.#decoder.decode(this.#bytes.subarray(start, end));
    } catch (cause) {
      throw invalidJson(cause);
    }
  }

  #parse(text: string): unknown {
    try {
      return JSON.parse(text) as unknown;
    } catch (cause) {
      throw invalidJson(cause);
    }
  }
}

function isSpace(byte: number | undefined): boolean {
  return byte === 0x20 || byte === 0x0a || byte === 0x0d || byte === 0x09;
}

/** Sets an own field, also of the name `__proto__`. */
function define(object: Record<string, unknown>, key: string, value: unknown): void {
  Object.defineProperty(object, key, { value, configurable: true, enumerable: true, writable: true });
}
