/**
 * Node as a Platform: folders and hubs, `onnxruntime-node` in threads, sharp.
 */
import { type GraphSession, type TowerGraph } from "@chinese-clip/model";
import type { ImagePreprocessor, Platform, PretrainedOptions, TowerConversion } from "@chinese-clip/pipeline";
import { type DiskModelFiles, openModel } from "./sources/open-model.js";
import { createImagePreprocessor } from "./image/image-preprocessor.js";
import { limitNames } from "./image/image-limits.js";
import type { ImageInput } from "./image/image-source.js";
import { checkDevice, deviceError, deviceOptions } from "./session/device.js";
import { WeightsFiles } from "./files/weights-files.js";
import { hasExactMixedProducts } from "./session/mixed-products.js";
import { createNodeSession } from "./session/node-session.js";

/** A {@link Platform} whose models are files on this machine, once they were fetched. */
interface NodePlatform extends Platform<ImageInput> {
  openModel(source: string | URL, options: PretrainedOptions): Promise<DiskModelFiles>;
  createSession(graph: TowerGraph, files: DiskModelFiles, options: PretrainedOptions): Promise<GraphSession>;
  cacheTower(conversion: TowerConversion, files: DiskModelFiles, options: PretrainedOptions): Promise<DiskModelFiles>;
}

/** This machine. */
export const nodePlatform: NodePlatform = {
  openModel,

  checkDevice,

  async createSession(graph, files, options) {
    const {
      device = "cpu",
      numThreads,
      spin = true,
      sessionOptions,
      lowMemory = false,
      copyWeights = false,
      deterministic = false,
    } = options;
    // Not in half precision: whether a GPU has it, only a run that fails would tell here.
    const target = device === "cpu" ? "cpu" : "gpu";
    const threads = numThreads === undefined ? {} : { intraOpNumThreads: numThreads };
    const all = { ...deviceOptions(device), ...threads, ...sessionOptions };
    // Packing is for the processor's kernels; another device takes the weights over when they are loaded. What is copied is read once.
    const packing = lowMemory ? "never" : device === "cpu" && !copyWeights && !deterministic ? "later" : "at once";
    try {
      const [folder, weights] = [files.folderOf(graph.files), new WeightsFiles(await files.stampsOf(graph.files))];
      return await createNodeSession(graph, target, folder, weights, all, { packing, copyWeights, spin });
    } catch (error) {
      throw deviceError(device, error);
    }
  },

  weightIntegers: ({ device = "cpu" }) => (device === "cpu" && !hasExactMixedProducts() ? "uint8" : "int8"),

  cacheTower: async (conversion, files, options) =>
    (await import("./conversion-cache/tower-cache.js")).cacheTower(conversion, files, options), // not for weights that are read in place

  createImagePreprocessor: (imageProcessor, { autoOrient, decode, allowPrivateAddresses, limits }): ImagePreprocessor<ImageInput> =>
    createImagePreprocessor(imageProcessor, { autoOrient, decode, allowPrivateAddresses, ...limitNames(limits) }),
};
