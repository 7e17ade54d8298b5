/**
 * What a request may cost, as one object. The limits of an image's decoding are the embedder's own: they are given where it is loaded.
 */

/** The limits of a server. */
export interface ServerLimits {
  /** Bytes of a body. Default 32 MiB. */
  readonly bodyBytes?: number | undefined;
  /** Bytes of all bodies in flight. Default 256 MiB. */
  readonly memory?: number | undefined;
  /** Milliseconds until a body has arrived. Default 15,000. */
  readonly bodyMilliseconds?: number | undefined;
  /** Texts and images of a request. Default 256. */
  readonly inputs?: number | undefined;
  /** UTF-16 units of a text. Default 8192; the models read the first 52 tokens. */
  readonly textLength?: number | undefined;
  /** Pixels of an image, where its header states them. Default 50,000,000. */
  readonly pixels?: number | undefined;
  /** Requests that are worked on at a time; their texts share batches. Default 16. */
  readonly concurrency?: number | undefined;
  /** Requests that wait for their turn. Default 64; further ones are answered with 429. */
  readonly queue?: number | undefined;
  /** Milliseconds of a request from its headers to its answer. Default 30,000. */
  readonly milliseconds?: number | undefined;
  /** The last rank that a search may ask for. Default 100,000. */
  readonly results?: number | undefined;
  /** Items of one page of results, and of one change of an index by vectors or ids. Default 1000. */
  readonly page?: number | undefined;
  /** Bytes of the cache of texts' embeddings. Default 16 MiB; 0 for none. */
  readonly cacheBytes?: number | undefined;
  /** Milliseconds that requests in flight have to finish when the server ends. Default 10,000. */
  readonly shutdownMilliseconds?: number | undefined;
}

/** The limits with their defaults. */
export type AllLimits = { readonly [Name in keyof ServerLimits]-?: number };

const MEBIBYTE = 2 ** 20;

const DEFAULTS: AllLimits = {
  bodyBytes: 32 * MEBIBYTE,
  memory: 256 * MEBIBYTE,
  bodyMilliseconds: 15_000,
  inputs: 256,
  textLength: 8192,
  pixels: 50_000_000,
  concurrency: 16,
  queue: 64,
  milliseconds: 30_000,
  results: 100_000,
  page: 1000,
  cacheBytes: 16 * MEBIBYTE,
  shutdownMilliseconds: 10_000,
};

/** Those for which 0 has a meaning. */
const MAY_BE_ZERO: readonly string[] = ["queue", "cacheBytes", "shutdownMilliseconds"];

/**
 * Fills in the defaults.
 *
 * @throws TypeError - a limit of another name; RangeError - one that is no integer of at least 1 (0 for some).
 */
export function serverLimits(given: ServerLimits = {}): AllLimits {
  for (const [name, value] of Object.entries(given)) {
    if (!Object.hasOwn(DEFAULTS, name)) throw new TypeError(`createHandler: expected limits among ${Object.keys(DEFAULTS).join(", ")}`);
    const minimum = MAY_BE_ZERO.includes(name) ? 0 : 1;
    if (value !== undefined && !(Number.isSafeInteger(value) && value >= minimum))
      throw new RangeError(`createHandler: expected limits.${name} to be an integer of at least ${minimum}, got ${String(value)}`);
  }
  const set = Object.entries(given).filter(([, value]) => value !== undefined);
  return { ...DEFAULTS, ...Object.fromEntries(set) };
}
