export type { ResizeLibrary } from "./bicubic-coefficients.js";
export { ImageError, type ImageErrorCode } from "./image-error.js";
export {
  ChineseCLIPImageProcessor,
  ChineseCLIPImageProcessorFast,
  createImageProcessor,
  type ImageInputs,
  type ProcessorImages,
} from "./image-processor.js";
export {
  type ImageProcessorConfig,
  type ImageProcessorOptions,
  parseImageProcessorConfig,
  type PixelSize,
  type ResizeSize,
} from "./image-processor-config.js";
export { resizedSize } from "./output-size.js";
export { type ByteImage, convertToRgb, type FloatImage, type RawImage } from "./raw-image.js";
export { resize, type ResizeOptions } from "./resize.js";
