/**
 * Node as a Platform: folders, `onnxruntime-node` in threads, sharp.
 */
import type { EncodedGraph, GraphSession } from "@chinese-clip/model";
import type { ImagePreprocessor, Platform, PretrainedOptions } from "@chinese-clip/pipeline";
import { LocalFolder } from "./files/local-folder.js";
import { createImagePreprocessor } from "./image/image-preprocessor.js";
import type { ImageInput } from "./image/load-image.js";
import { createNodeSession } from "./session/node-session.js";

/** A {@link Platform} whose models are folders. */
interface NodePlatform extends Platform<ImageInput> {
  openModel(source: string | URL): Promise<LocalFolder>;
  createSession(graph: EncodedGraph, files: LocalFolder, options: PretrainedOptions): Promise<GraphSession>;
}

/** This machine. */
export const nodePlatform: NodePlatform = {
  openModel: (source) => LocalFolder.open(source),

  createSession(graph, files, { numThreads, sessionOptions }) {
    return createNodeSession(graph, files.path, {
      ...(numThreads === undefined ? {} : { intraOpNumThreads: numThreads }),
      ...sessionOptions,
    });
  },

  createImagePreprocessor: (config): ImagePreprocessor<ImageInput> => createImagePreprocessor(config),
};
