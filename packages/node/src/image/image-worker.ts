/**
 * A thread that decodes and preprocesses pictures: the entry file that `image-preprocessor.ts` starts.
 */
import { createImageProcessor } from "@chinese-clip/image-processor";
import { limitConcurrency, type PreprocessedImage, Transferred } from "@chinese-clip/pipeline";
import { workerData } from "node:worker_threads";
import { servePort } from "../worker/worker-port.js";
import type { ImageWorkerData, PreprocessRequest } from "./image-messages.js";
import { loadImage } from "./load-image.js";

// image-preprocessor.ts is the only one to start this thread
const { config, limits, loads: maxLoads } = workerData as ImageWorkerData;
const processor = createImageProcessor(config);

const inTurn = limitConcurrency(maxLoads);

servePort<PreprocessRequest>({
  preprocess: ({ image, isUrl, into }, { signal }) =>
    inTurn(async () => {
      const input = isUrl && typeof image === "string" ? new URL(image) : image;
      const { pixelValues } = processor.preprocess(await loadImage(input, { ...limits, signal }));
      const [, channels = 0, height = 0, width = 0] = pixelValues.dims;
      // a float32 tensor's data, and the only view of its buffer.
      const made = pixelValues.data as Float32Array<ArrayBuffer>;
      const data = into?.byteLength === made.byteLength ? new Float32Array(into) : made;
      if (data !== made) data.set(made);
      return new Transferred({ pixelValues: data, dims: [channels, height, width] } satisfies PreprocessedImage, [data.buffer]);
    }),
});
