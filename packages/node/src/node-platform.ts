/**
 * Node as a Platform: folders and hubs, `onnxruntime-node` in threads, sharp.
 */
import type { EncodedGraph, GraphSession } from "@chinese-clip/model";
import type { ImagePreprocessor, Platform, PretrainedOptions, TowerConversion } from "@chinese-clip/pipeline";
import { type DiskModelFiles, openModel } from "./files/open-model.js";
import { createImagePreprocessor } from "./image/image-preprocessor.js";
import type { ImageInput } from "./image/load-image.js";
import { createNodeSession } from "./session/node-session.js";
import { keepTower } from "./towers/kept-towers.js";

/** A {@link Platform} whose models are files on this machine, once they were fetched. */
interface NodePlatform extends Platform<ImageInput> {
  openModel(source: string | URL, options: PretrainedOptions): Promise<DiskModelFiles>;
  createSession(graph: EncodedGraph, files: DiskModelFiles, options: PretrainedOptions): Promise<GraphSession>;
  keepTower(conversion: TowerConversion, files: DiskModelFiles, options: PretrainedOptions): Promise<DiskModelFiles>;
}

/** This machine. */
export const nodePlatform: NodePlatform = {
  devices: ["cpu"],

  openModel,

  createSession(graph, files, { numThreads, sessionOptions, lowMemory = false }) {
    const options = { ...(numThreads === undefined ? {} : { intraOpNumThreads: numThreads }), ...sessionOptions };
    return createNodeSession(graph, files.weightsFolder, options, lowMemory);
  },

  keepTower,

  createImagePreprocessor: (config): ImagePreprocessor<ImageInput> => createImagePreprocessor(config),
};
