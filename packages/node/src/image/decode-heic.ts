/**
 * HEIC by `heic-decode`, an optional peer dependency: its decoder, libheif, is LGPL and 8 MB, so that whoever needs it installs it. As in Pillow with
 * pillow-heif, the image is rotated by its `irot` and `imir`, and alpha is dropped.
 */
import { ImageError, type RawImage } from "@chinese-clip/image-processor";

/** One image of a HEIC file, as `heic-decode` gives it. */
interface HeicImage {
  readonly width: number;
  readonly height: number;
  /** Resolves with RGBA. */
  readonly decode: () => Promise<{ readonly data: Uint8ClampedArray | Uint8Array }>;
}

/** The part of `heic-decode` that is used. */
export interface HeicDecoder {
  readonly all: (options: { readonly buffer: Uint8Array }) => Promise<readonly HeicImage[] & { readonly dispose?: () => void }>;
}

/** libheif's own copy, the RGBA that it gives, and the result. */
const BYTES_OF_PIXEL = 4 + 4 + 3;

/**
 * Loads the decoder; undefined where it is not installed.
 *
 * @param name - a module like `heic-decode`, which is the default.
 */
export async function loadHeicDecoder(name?: string): Promise<HeicDecoder | undefined> {
  try {
    const module: { readonly default?: unknown } = await (name === undefined ? import("heic-decode") : import(name));
    const decoder = module.default;
    return typeof decoder === "function" && "all" in decoder && typeof decoder.all === "function"
      ? (decoder as unknown as HeicDecoder)
      : undefined;
  } catch {
    return undefined;
  }
}

/** Runs libheif, which prints what is wrong with a file, among a program's results; the error says it as well. */
async function silently<Result>(run: () => Promise<Result>): Promise<Result> {
  const { log, warn, error } = console;
  const say = (): void => undefined;
  Object.assign(console, { log: say, warn: say, error: say });
  try {
    return await run();
  } finally {
    Object.assign(console, { log, warn, error });
  }
}

/**
 * Reads the header of a HEIC file.
 *
 * @throws {@link ImageError} with code `"too-large"` or `"invalid-image"`, or what the decoder says.
 */
export async function openHeic(
  decoder: HeicDecoder,
  bytes: Uint8Array,
  maxPixels: number,
): Promise<{ readonly memory: number; readonly decode: () => Promise<RawImage> }> {
  const images = await silently(() => decoder.all({ buffer: bytes }));
  const [image] = images;
  if (image === undefined) throw new ImageError("invalid-image", "expected an image, got none");
  const { width, height } = image;
  if (!(width * height <= maxPixels)) {
    images.dispose?.();
    throw new ImageError("too-large", `expected at most ${maxPixels} pixels, got ${width} x ${height}`, { width, height, maxPixels });
  }
  const decode = async (): Promise<RawImage> => {
    try {
      return { data: withoutAlpha((await silently(() => image.decode())).data), width, height, channels: 3 };
    } finally {
      images.dispose?.();
    }
  };
  return { memory: width * height * BYTES_OF_PIXEL, decode };
}

function withoutAlpha(rgba: Uint8ClampedArray | Uint8Array): Uint8Array {
  const rgb = new Uint8Array((rgba.length / 4) * 3);
  for (let from = 0, to = 0; from < rgba.length; from += 4) {
    rgb[to++] = rgba[from]!;
    rgb[to++] = rgba[from + 1]!;
    rgb[to++] = rgba[from + 2]!;
  }
  return rgb;
}
