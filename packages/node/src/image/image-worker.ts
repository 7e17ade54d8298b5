/**
 * A thread that reads, decodes and preprocesses images: the entry file that `image-threads.ts` starts.
 */
import { createImageProcessor, type PixelSize, resizedSize } from "@chinese-clip/image-processor";
import { type PreprocessedImage, Transferred } from "@chinese-clip/pipeline";
import { workerData } from "node:worker_threads";
import { servePort } from "../worker/worker-port.js";
import { type OpenedImage, openImage } from "./decode-image.js";
import { NO_HEADER } from "./image-header.js";
import type { ImageRequest, ImageWorkerData } from "./image-messages.js";
import { makePreview } from "./image-preview.js";
import { readSource } from "./read-source.js";

// image-threads.ts is the only one to start this thread
const { config } = workerData as ImageWorkerData;
const processor = config === undefined ? undefined : createImageProcessor(config);

let reading: AbortController | undefined;
let opened: OpenedImage | undefined;
let spare: ArrayBuffer | undefined;

/** The image that is open, which is closed by this. */
function takeOpened(): OpenedImage {
  if (opened === undefined) throw new Error("image thread: expected an image to be open");
  const image = opened;
  opened = undefined;
  return image;
}

servePort<ImageRequest>({
  start: () => undefined,
  open: async ({ source, options, into }) => {
    opened = undefined;
    spare = into;
    reading = new AbortController();
    const { bytes, name, isForeign } = await readSource(source, { ...options, signal: reading.signal });
    const resized =
      options.decode === "fast" && processor !== undefined ? (size: PixelSize) => resizedSize(size, processor.config) : undefined;
    opened = await openImage(bytes, { ...options, source: name, isForeign, resized });
    return opened.memory;
  },
  cancel: () => reading?.abort(),
  decode: async () => {
    const { isOwned, decode } = takeOpened();
    const image = await decode();
    return isOwned ? new Transferred(image, [image.data.buffer as ArrayBuffer]) : image;
  },
  preprocess: async ({ image, into = spare, preview: options }) => {
    if (processor === undefined) throw new Error("image thread: expected an image processor's configuration");
    const { header, decode } = image === undefined ? takeOpened() : { header: NO_HEADER, decode: () => image };
    const decoded = await decode();
    const { pixelValues } = processor.preprocess(decoded);
    const preview = options === undefined ? undefined : await makePreview(decoded, header, options);
    const [, channels = 0, height = 0, width = 0] = pixelValues.dims;
    // a float32 tensor's data, and the only view of its buffer.
    const made = pixelValues.data as Float32Array<ArrayBuffer>;
    const data = into?.byteLength === made.byteLength ? new Float32Array(into) : made;
    if (data !== made) data.set(made);
    const result: PreprocessedImage = { pixelValues: data, dims: [channels, height, width], preview };
    const thumbnail = preview?.thumbnail?.buffer;
    return new Transferred(result, thumbnail instanceof ArrayBuffer ? [data.buffer, thumbnail] : [data.buffer]);
  },
});
