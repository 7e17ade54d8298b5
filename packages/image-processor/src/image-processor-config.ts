/**
 * What preprocessor_config.json says, parsed. Follows transformers: class defaults of `ChineseCLIPImageProcessor`
 * (`models/chinese_clip/image_processing_chinese_clip.py`), sizes as `get_size_dict` reads them (`image_processing_utils.py`).
 *
 * Departs from it by rejecting what transformers fails on later or silently ignores: padding, a crop that is no rectangle, a zero `std`.
 */
import { ImageError } from "./image-error.js";
import { showValue } from "./show-value.js";

/** A rectangle in pixels. */
export interface PixelSize {
  /** Rows. */
  readonly height: number;
  /** Columns. */
  readonly width: number;
}

/**
 * What to resize to: exactly `height` x `width`, without regard to the aspect ratio; or the shorter edge to `shortestEdge`, the other in
 * proportion (both smaller if it would exceed `longestEdge`); or the largest size in proportion within `maxHeight` x `maxWidth`.
 */
export type ResizeSize =
  | PixelSize
  | { readonly shortestEdge: number; readonly longestEdge?: number }
  | { readonly maxHeight: number; readonly maxWidth: number };

/** Every setting of an image processor, with no gaps. */
export interface ImageProcessorConfig {
  /** Convert to RGB first: gray repeated, alpha dropped. Without it only RGB images are taken. Default true. */
  readonly doConvertRgb: boolean;
  /** Resize to `size`. Default true. */
  readonly doResize: boolean;
  /** Default: shorter edge 224. The published models say a square instead. */
  readonly size: ResizeSize;
  /** The filter by Pillow's number; 3, bicubic, is the only one. */
  readonly resample: 3;
  /** Cut `cropSize` out of the middle, padding with zero bytes where the image is smaller. Default true; the published models say false. */
  readonly doCenterCrop: boolean;
  /** Default 224 x 224. Without a meaning unless `doCenterCrop`. */
  readonly cropSize: PixelSize;
  /** Multiply the bytes by `rescaleFactor`. Default true. */
  readonly doRescale: boolean;
  /** Default 1/255. */
  readonly rescaleFactor: number;
  /** Subtract `imageMean` and divide by `imageStd`. Default true. */
  readonly doNormalize: boolean;
  /** Mean of R, G and B, after rescaling. Default OpenAI CLIP's. */
  readonly imageMean: readonly [number, number, number];
  /** Standard deviation of R, G and B, after rescaling; none is 0. Default OpenAI CLIP's. */
  readonly imageStd: readonly [number, number, number];
}

/** Settings to construct a processor with: the missing ones take the class defaults of transformers. */
export type ImageProcessorOptions = {
  readonly [K in keyof ImageProcessorConfig]?: ImageProcessorConfig[K] | null | undefined;
};

/** The file's keys and ours. */
const KEYS = {
  do_convert_rgb: "doConvertRgb",
  do_resize: "doResize",
  size: "size",
  resample: "resample",
  do_center_crop: "doCenterCrop",
  crop_size: "cropSize",
  do_rescale: "doRescale",
  rescale_factor: "rescaleFactor",
  do_normalize: "doNormalize",
  image_mean: "imageMean",
  image_std: "imageStd",
  do_pad: "doPad",
  shortest_edge: "shortestEdge",
  longest_edge: "longestEdge",
  max_height: "maxHeight",
  max_width: "maxWidth",
  height: "height",
  width: "width",
} as const;

type FileKey = keyof typeof KEYS;

/** Longest side that a configuration may ask for; real models are two orders of magnitude below. */
const MAX_SIDE = 2 ** 16;
const OPENAI_CLIP_MEAN = [0.48145466, 0.4578275, 0.40821073] as const;
const OPENAI_CLIP_STD = [0.26862954, 0.26130258, 0.27577711] as const;
/** Pillow's numbers of the filters that are not bicubic. */
const RESAMPLE_NAMES: Readonly<Record<number, string>> = { 0: "nearest", 1: "lanczos", 2: "bilinear", 4: "box", 5: "hamming" };

function fail(expected: string, value: unknown, key: string): never {
  throw new ImageError("invalid-config", `parseImageProcessorConfig: expected ${key} to be ${expected}, got ${showValue(value)}`, {
    key,
    value,
  });
}

function isRecord(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

/** A setting under either spelling, the file's first; `null` is one. */
function setting(record: Readonly<Record<string, unknown>>, key: FileKey): unknown {
  for (const name of [key, KEYS[key]]) {
    if (Object.hasOwn(record, name) && record[name] !== undefined) return record[name];
  }
  return undefined;
}

/** An edge of a size, where `null` counts as missing, as in transformers. */
function edge(size: Readonly<Record<string, unknown>>, key: FileKey): unknown {
  return setting(size, key) ?? undefined;
}

/** A switch; `null` is off, as what is false to Python. */
function flag(record: Readonly<Record<string, unknown>>, key: FileKey, fallback: boolean): boolean {
  const value = setting(record, key);
  if (value === undefined) return fallback;
  return value === null ? false : typeof value === "boolean" ? value : fail("true or false", value, key);
}

/** What a switch makes use of: the default where it is missing, and, while the switch is off, where it is `null`. */
function used(record: Readonly<Record<string, unknown>>, key: FileKey, isOn: boolean, fallback: unknown): unknown {
  const value = setting(record, key);
  return value === undefined || (value === null && !isOn) ? fallback : value;
}

function side(value: unknown, key: string): number {
  if (typeof value === "number" && Number.isInteger(value) && value >= 1 && value <= MAX_SIDE) return value;
  return fail(`an integer from 1 to ${MAX_SIDE}`, value, key);
}

function rectangle(value: unknown, key: string): PixelSize {
  if (typeof value === "number") return { height: side(value, key), width: side(value, key) };
  if (Array.isArray(value) && value.length === 2) return { height: side(value[0], `${key}[0]`), width: side(value[1], `${key}[1]`) };
  if (!isRecord(value)) return fail("a number, [height, width] or { height, width }", value, key);
  return { height: side(edge(value, "height"), `${key}.height`), width: side(edge(value, "width"), `${key}.width`) };
}

function resizeSize(value: unknown): ResizeSize {
  if (typeof value === "number") return { shortestEdge: side(value, "size") };
  if (!isRecord(value)) return rectangle(value, "size");
  const shortest = edge(value, "shortest_edge");
  const longest = edge(value, "longest_edge");
  if (shortest !== undefined) {
    const shortestEdge = side(shortest, "size.shortest_edge");
    return longest === undefined ? { shortestEdge } : { shortestEdge, longestEdge: side(longest, "size.longest_edge") };
  }
  const maxHeight = edge(value, "max_height");
  if (maxHeight !== undefined) {
    return { maxHeight: side(maxHeight, "size.max_height"), maxWidth: side(edge(value, "max_width"), "size.max_width") };
  }
  return rectangle(value, "size");
}

function finite(value: unknown, key: string): number {
  return typeof value === "number" && Number.isFinite(value) ? value : fail("a finite number", value, key);
}

/** Zero divides, here or in the fused arithmetic of the fast class. */
function nonZero(value: unknown, key: string): number {
  const number = finite(value, key);
  return Math.fround(number) === 0 ? fail("a number other than 0", value, key) : number;
}

function perChannel(value: unknown, key: string, read: typeof finite): [number, number, number] {
  if (typeof value === "number") return [read(value, key), read(value, key), read(value, key)];
  if (!Array.isArray(value) || value.length !== 3) return fail("a number or three numbers", value, key);
  return [read(value[0], `${key}[0]`), read(value[1], `${key}[1]`), read(value[2], `${key}[2]`)];
}

function bicubicOnly(value: unknown): 3 {
  if (value === 3) return 3;
  if (typeof value !== "number") return fail("a number", value, "resample");
  const name = RESAMPLE_NAMES[value];
  const got = name === undefined ? String(value) : `${value} (${name})`;
  throw new ImageError("unsupported-resample", `parseImageProcessorConfig: expected resample 3 (bicubic), got ${got}`, { resample: value });
}

/**
 * Reads a parsed preprocessor_config.json, or settings with the same meaning in camelCase. Missing keys take transformers' class
 * defaults; `null` turns a switch off, and is an error for what a switch that is on makes use of, as in transformers 5; an integer `size` is the shorter edge, an integer `crop_size` a square, a list is [height, width]; keys of no concern to
 * images are ignored. `crop_size` and `resample` are checked only where they are used.
 * @throws ImageError `invalid-config` or, for a filter other than bicubic, `unsupported-resample`.
 */
export function parseImageProcessorConfig(json: unknown): ImageProcessorConfig {
  if (!isRecord(json)) return fail("an object", json, "the configuration");
  const doResize = flag(json, "do_resize", true);
  const doCenterCrop = flag(json, "do_center_crop", true);
  const doRescale = flag(json, "do_rescale", true);
  const doNormalize = flag(json, "do_normalize", true);
  if (flag(json, "do_pad", false)) fail("false (padding is not part of this model's processor)", true, "do_pad");
  return {
    doConvertRgb: flag(json, "do_convert_rgb", true),
    doResize,
    size: doResize ? resizeSize(used(json, "size", true, 224)) : { shortestEdge: 224 },
    resample: doResize ? bicubicOnly(used(json, "resample", true, 3)) : 3,
    doCenterCrop,
    cropSize: doCenterCrop ? rectangle(used(json, "crop_size", true, 224), "crop_size") : { height: 224, width: 224 },
    doRescale,
    rescaleFactor: nonZero(used(json, "rescale_factor", doRescale, 1 / 255), "rescale_factor"),
    doNormalize,
    imageMean: perChannel(used(json, "image_mean", doNormalize, [...OPENAI_CLIP_MEAN]), "image_mean", finite),
    imageStd: perChannel(used(json, "image_std", doNormalize, [...OPENAI_CLIP_STD]), "image_std", nonZero),
  };
}

/** Some settings changed; those that are undefined stay. @throws ImageError as {@link parseImageProcessorConfig}. */
export function overrideConfig(config: ImageProcessorConfig, overrides: ImageProcessorOptions): ImageProcessorConfig {
  const changes = Object.entries(overrides).filter(([, value]) => value !== undefined);
  return changes.length === 0 ? config : parseImageProcessorConfig({ ...config, ...Object.fromEntries(changes) });
}

/** The settings under the file's keys, as preprocessor_config.json holds them. */
export function formatImageProcessorConfig(config: ImageProcessorConfig): Record<string, unknown> {
  const rename = (record: object): Record<string, unknown> => {
    const renamed: Record<string, unknown> = {};
    const values = new Map<string, unknown>(Object.entries(record));
    for (const [file, camel] of Object.entries(KEYS)) {
      const value = values.get(camel);
      if (value !== undefined) renamed[file] = isRecord(value) ? rename(value) : Array.isArray(value) ? [...value] : value;
    }
    return renamed;
  };
  return rename(config);
}
