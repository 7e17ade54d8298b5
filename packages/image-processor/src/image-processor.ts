/**
 * The image processors of Chinese-CLIP: convert to RGB, resize, crop the middle, rescale, normalise, as transformers'
 * `ChineseCLIPImageProcessor` in its Pillow and its torchvision form (`image_processing_backends.py`: `PilBackend`, `TorchvisionBackend`).
 *
 * Departs from it in taking decoded pixels only, and in computing no more of a resized image than the crop keeps.
 */
import { Tensor } from "onnxruntime-common";
import type { ResizeLibrary } from "./bicubic-coefficients.js";
import { ImageError } from "./image-error.js";
import {
  formatImageProcessorConfig,
  overrideConfig,
  type ImageProcessorConfig,
  type ImageProcessorOptions,
  parseImageProcessorConfig,
} from "./image-processor-config.js";
import { centerCropAxis, resizedSize } from "./output-size.js";
import { type PixelTable, pixelTable, writeFloatPlanes, writePlanes } from "./pixel-values.js";
import { type FloatImage, imageBytes, imageFloats, isFloatImage, isFloats, type RawImage } from "./raw-image.js";
import { resample } from "./resample.js";
import { checkBytes, checkSide } from "./resize.js";
import { showValue } from "./show-value.js";

/** What the model's image tower reads. */
export interface ImageInputs {
  /** float32 [B, 3, H, W]: R, G and B planes, normalised. A new tensor in the CPU's memory. */
  readonly pixelValues: Tensor;
}

/** One image or a batch, each with bytes or floats. */
export type ProcessorImages = RawImage | FloatImage | readonly (RawImage | FloatImage)[];

const WHERE = "preprocess";

/** How one image is to be read and where its pixels go; made for all images before the tensor is allocated. */
interface Plan {
  readonly source: { data: Uint8Array | Float32Array; width: number; height: number; stride: number; channels: number };
  readonly target: { width: number; height: number; window: { left: number; top: number; width: number; height: number } };
  readonly placement: { height: number; width: number; top: number; left: number };
}

function plan(image: RawImage | FloatImage, config: ImageProcessorConfig, library: ResizeLibrary): Plan {
  const data = isFloatImage(image) ? imageFloats(WHERE, image) : imageBytes(WHERE, image);
  const { width, height, channels: stride } = image;
  if (!config.doConvertRgb && stride !== 3) {
    throw new ImageError("invalid-image", `${WHERE}: expected an RGB image, for do_convert_rgb is false, got ${stride} channels`, {
      channels: stride,
    });
  }
  const size = resizedSize({ height, width }, config);
  if (isFloatImage(image) && (size.width !== width || size.height !== height)) {
    throw new ImageError(
      "invalid-image",
      `${WHERE}: expected bytes, which are all that is resized, got a Float32Array of ${width}x${height}`,
      {
        width,
        height,
      },
    );
  }
  checkSide(WHERE, size.width, size.height);
  const crop = config.doCenterCrop ? config.cropSize : size;
  const x = centerCropAxis(size.width, crop.width, library);
  const y = centerCropAxis(size.height, crop.height, library);
  return {
    // Resizing a gray image and repeating the result gives what resizing three equal channels gives, for a third of the work.
    source: { data, width, height, stride, channels: stride >= 3 ? 3 : 1 },
    target: { ...size, window: { left: x.from, top: y.from, width: x.count, height: y.count } },
    placement: { ...crop, left: x.at, top: y.at },
  };
}

function preprocess(images: ProcessorImages, config: ImageProcessorConfig, library: ResizeLibrary, table: PixelTable): ImageInputs {
  const batch: readonly (RawImage | FloatImage)[] = Array.isArray(images) ? images : [images];
  const plans = batch.map((image) => plan(image, config, library));
  const [first] = plans;
  if (first === undefined) throw new RangeError(`${WHERE}: expected at least one image, got an empty array`);
  const { height, width } = first.placement;
  for (const [i, { placement }] of plans.entries()) {
    if (placement.height !== height || placement.width !== width) {
      const got = `${placement.width}x${placement.height} for image ${i}`;
      throw new RangeError(`${WHERE}: expected all images of a batch to come out as ${width}x${height}, got ${got}`);
    }
  }
  const length = 3 * height * width;
  checkBytes(WHERE, plans.length * length * Float32Array.BYTES_PER_ELEMENT);
  const planes = new Float32Array(plans.length * length);
  for (const [i, { source, target, placement }] of plans.entries()) {
    const { data, width: sourceWidth, stride } = source;
    if (isFloats(data)) {
      const part = { source: { data, width: sourceWidth, stride }, window: target.window };
      writeFloatPlanes(part, config, library, planes, i * length, placement);
      continue;
    }
    const pixels = resample({ ...source, data }, target, library);
    const shape = { rows: target.window.height, columns: target.window.width, channels: source.channels };
    writePlanes(pixels, shape, table, planes, i * length, placement);
  }
  return { pixelValues: new Tensor("float32", planes, [plans.length, 3, height, width]) };
}

/** Images to `pixelValues` as transformers' Pillow processor computes them: Pillow's resize bit for bit, NumPy's float arithmetic. */
export class ChineseCLIPImageProcessor {
  /** Every setting, the defaults filled in. */
  readonly config: ImageProcessorConfig;
  readonly #table: PixelTable;

  /**
   * Settings in camelCase; the missing ones take transformers' class defaults, which are *not* what the published models use: give their
   * preprocessor_config.json to `fromJSON`. (The file's snake_case keys are understood here too.)
   * @throws ImageError `invalid-config` or `unsupported-resample`.
   */
  constructor(config: ImageProcessorOptions = {}) {
    this.config = parseImageProcessorConfig(config);
    this.#table = pixelTable(this.config, "pillow");
  }

  /**
   * From a parsed preprocessor_config.json, whatever class the file names: `createImageProcessor` goes by the name.
   * @throws ImageError `invalid-config` or `unsupported-resample`.
   */
  static fromJSON(json: unknown): ChineseCLIPImageProcessor {
    return new ChineseCLIPImageProcessor(parseImageProcessorConfig(json));
  }

  /** The settings under preprocessor_config.json's keys; `fromJSON` of it gives an equal processor. */
  toJSON(): Record<string, unknown> {
    return { image_processor_type: "ChineseCLIPImageProcessor", ...formatImageProcessorConfig(this.config) };
  }

  /**
   * One image or a batch to a float32 tensor [B, 3, H, W]. The images are read only. `overrides` are settings for this call alone.
   * @throws TypeError if an argument is not a RawImage; RangeError for no images, images that come out in different sizes, an image
   * too long and thin to resize, or a result above 1 GiB; ImageError `invalid-image` for pixels that do not fit their size, or floats to resize; as the constructor for overrides.
   */
  preprocess(images: ProcessorImages, overrides: ImageProcessorOptions = {}): ImageInputs {
    const config = overrideConfig(this.config, overrides);
    return preprocess(images, config, "pillow", config === this.config ? this.#table : pixelTable(config, "pillow"));
  }
}

/** Images to `pixelValues` as transformers' torchvision ("fast") processor computes them on a CPU: PyTorch's resize bit for bit. */
export class ChineseCLIPImageProcessorFast {
  /** Every setting, the defaults filled in. */
  readonly config: ImageProcessorConfig;
  readonly #table: PixelTable;

  /**
   * Settings in camelCase; the missing ones take transformers' class defaults, which are *not* what the published models use: give their
   * preprocessor_config.json to `fromJSON`. (The file's snake_case keys are understood here too.)
   * @throws ImageError `invalid-config` or `unsupported-resample`.
   */
  constructor(config: ImageProcessorOptions = {}) {
    this.config = parseImageProcessorConfig(config);
    this.#table = pixelTable(this.config, "torch");
  }

  /**
   * From a parsed preprocessor_config.json, whatever class the file names: `createImageProcessor` goes by the name.
   * @throws ImageError `invalid-config` or `unsupported-resample`.
   */
  static fromJSON(json: unknown): ChineseCLIPImageProcessorFast {
    return new ChineseCLIPImageProcessorFast(parseImageProcessorConfig(json));
  }

  /** The settings under preprocessor_config.json's keys; `fromJSON` of it gives an equal processor. */
  toJSON(): Record<string, unknown> {
    return { image_processor_type: "ChineseCLIPImageProcessorFast", ...formatImageProcessorConfig(this.config) };
  }

  /**
   * One image or a batch to a float32 tensor [B, 3, H, W]. The images are read only. `overrides` are settings for this call alone.
   * @throws TypeError if an argument is not a RawImage; RangeError for no images, images that come out in different sizes, an image
   * too long and thin to resize, or a result above 1 GiB; ImageError `invalid-image` for pixels that do not fit their size, or floats to resize; as the constructor for overrides.
   */
  preprocess(images: ProcessorImages, overrides: ImageProcessorOptions = {}): ImageInputs {
    const config = overrideConfig(this.config, overrides);
    return preprocess(images, config, "torch", config === this.config ? this.#table : pixelTable(config, "torch"));
  }
}

/**
 * The processor that a preprocessor_config.json names, by `image_processor_type` or, in older files, `feature_extractor_type`: a name that
 * ends in `Fast` gives the PyTorch one, any other name of Chinese-CLIP's or CLIP's (whose processors are the same) the Pillow one, which is
 * also what a file without a name gives. transformers 5 reads the unmarked names as its torchvision class; the weights were trained and
 * evaluated with Pillow.
 * @throws ImageError `invalid-config` for another model's class or bad settings, `unsupported-resample` for a filter that is not bicubic.
 */
export function createImageProcessor(json: unknown): ChineseCLIPImageProcessor | ChineseCLIPImageProcessorFast {
  const config = parseImageProcessorConfig(json);
  const keys = new Map<string, unknown>(Object.entries(Object(json)));
  const name = keys.get("image_processor_type") ?? keys.get("feature_extractor_type") ?? "ChineseCLIPImageProcessor";
  const match = typeof name === "string" ? /^(?:Chinese)?CLIP(?:FeatureExtractor|ImageProcessor(Fast|Pil)?)$/.exec(name) : null;
  if (match === null) {
    throw new ImageError("invalid-config", `createImageProcessor: expected a Chinese-CLIP image processor, got ${showValue(name)}`, {
      name,
    });
  }
  return match[1] === "Fast" ? new ChineseCLIPImageProcessorFast(config) : new ChineseCLIPImageProcessor(config);
}
