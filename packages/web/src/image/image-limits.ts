/**
 * What an image may cost in a browser: `Limits` of the pipeline, with the defaults filled in. Decoded pixels in flight are the browser's to
 * limit, and files of a hub have a limit of their own.
 */
import type { Limits } from "@chinese-clip/pipeline";

/** The limits of an image, by the names that `@chinese-clip/node` has for them. Each is at least 1. */
export type WebLimits = Pick<Limits, "pixels" | "encodedBytes" | "milliseconds">;

/** {@link WebLimits} with every limit set. */
export interface ImageLimits {
  readonly maxBytes: number;
  readonly maxPixels: number;
  readonly maxMilliseconds: number;
}

/** As in `@chinese-clip/node`: more bytes than any photo has; Pillow's limit of pixels. */
const DEFAULTS: ImageLimits = { maxBytes: 256 * 2 ** 20, maxPixels: 178_956_970, maxMilliseconds: 30_000 };

const NAMES: readonly string[] = ["pixels", "encodedBytes", "milliseconds"];

/**
 * Fills in the defaults.
 *
 * @param own - the same limits under the names of {@link ImageLimits}, which go first.
 * @throws TypeError - a limit that a browser does not have; RangeError - one that is not a number of at least 1.
 */
export function imageLimits(limits: WebLimits = {}, own: { readonly [Name in keyof ImageLimits]?: number | undefined } = {}): ImageLimits {
  const unknown = Object.entries(limits).find(([name, value]) => value !== undefined && !NAMES.includes(name));
  if (unknown !== undefined) throw new TypeError(`limits: expected ${NAMES.join(", ")} in a browser, got ${unknown[0].slice(0, 60)}`);
  const of = (name: keyof ImageLimits, given: number | undefined): number => {
    const value = own[name] ?? given ?? DEFAULTS[name];
    if (!(value >= 1)) throw new RangeError(`loadImage: expected ${name} of at least 1, got ${String(value)}`);
    return value;
  };
  return {
    maxBytes: of("maxBytes", limits.encodedBytes),
    maxPixels: of("maxPixels", limits.pixels),
    maxMilliseconds: of("maxMilliseconds", limits.milliseconds),
  };
}
