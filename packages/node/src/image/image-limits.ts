/**
 * What an image may cost: `Limits` of the pipeline, with the defaults filled in.
 */
import type { Limits } from "@chinese-clip/pipeline";

/** The limits of one image. */
export interface ImageLimits {
  /** Encoded bytes. */
  readonly maxBytes: number;
  /** Decoded pixels. */
  readonly maxPixels: number;
  /** Milliseconds that a thread may be busy with the image. */
  readonly maxMilliseconds: number;
  /** Bytes of decoded pixels in flight, of all images that share threads. */
  readonly maxMemory: number;
}

/** More bytes than any photo has, fewer than a careless server can send; Pillow's limit of pixels, so that what the reference opens, opens here. */
const DEFAULTS: ImageLimits = { maxBytes: 256 * 2 ** 20, maxPixels: 178_956_970, maxMilliseconds: 30_000, maxMemory: 512_000_000 };

/**
 * Fills in the defaults.
 *
 * @throws RangeError for a limit that is not a number of at least 1.
 */
export function imageLimits(given: { readonly [Name in keyof ImageLimits]?: number | undefined }): ImageLimits {
  const limit = (name: keyof ImageLimits): number => {
    const value = given[name] ?? DEFAULTS[name];
    if (!(value >= 1)) throw new RangeError(`loadImage: expected ${name} of at least 1, got ${String(value)}`);
    return value;
  };
  return {
    maxBytes: limit("maxBytes"),
    maxPixels: limit("maxPixels"),
    maxMilliseconds: limit("maxMilliseconds"),
    maxMemory: limit("maxMemory"),
  };
}

/** The limits of an image among those that a model or a call was given. */
export function limitNames({ pixels, encodedBytes, milliseconds, memory }: Limits = {}): Parameters<typeof imageLimits>[0] {
  return { maxPixels: pixels, maxBytes: encodedBytes, maxMilliseconds: milliseconds, maxMemory: memory };
}
