/**
 * The worker that decodes and preprocesses images: the entry file that `image-preprocessor.ts` starts.
 */
import { createImageProcessor } from "@chinese-clip/image-processor";
import { limitConcurrency, Transferred } from "@chinese-clip/pipeline";
import { servePort } from "../worker/worker-port.js";
import { preprocessed, type PreprocessRequest } from "./image-messages.js";
import { decodePortable } from "./load-image.js";

/** Images decoded at once: the browser decodes one while this thread resizes another; more would only take memory. */
const MAX_LOADS = 2;

const processors = new Map<string, ReturnType<typeof createImageProcessor>>();
const inTurn = limitConcurrency(MAX_LOADS);

function processorOf(config: unknown): ReturnType<typeof createImageProcessor> {
  const key = JSON.stringify(config);
  const known = processors.get(key) ?? createImageProcessor(config);
  processors.set(key, known);
  return known;
}

servePort<PreprocessRequest>({
  preprocess: ({ image, config, limits, milliseconds, autoOrient }, { signal }) =>
    inTurn(async () => {
      const decoded = await decodePortable(image, { limits, milliseconds, autoOrient, signal }, true);
      const { pixelValues } = processorOf(config).preprocess(decoded);
      const answer = preprocessed(pixelValues);
      return new Transferred(answer, [answer.pixelValues.buffer as ArrayBuffer]);
    }),
});
