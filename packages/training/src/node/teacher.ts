/** A teacher of the image tower: another model, whose features of the images are computed once. */
import { join } from "node:path";
import { buildVisionGraph, ChineseCLIPConfig } from "@chinese-clip/model";
import { loadFrom, loadProcessorParts } from "@chinese-clip/pipeline";
import { PreparedPairs } from "./prepared-pairs.js";
import { type ComputeFeatures, featuresOf } from "./tower-features.js";
import type { TrainOptions } from "./train-options.js";

/** A teacher that is ready. */
export interface Teacher {
  /** Values of its features. */
  readonly dim: number;
  readonly features: ComputeFeatures;
  dispose(): Promise<void>;
}

/** Loads a teacher; undefined where the run has none. */
export async function openTeacher(options: TrainOptions): Promise<Teacher | undefined> {
  const { platform, distillation, source = {}, output, data, numThreads, signal } = options;
  if (distillation === undefined) return undefined;
  const { revision: _, ...found } = source; // of the model, not of the teacher
  return loadFrom(platform, distillation.teacher, found, async (reader) => {
    const config = ChineseCLIPConfig.fromJSON(await reader.config());
    const checkpoint = await reader.checkpoint();
    const { tokenizer, imageProcessor } = await loadProcessorParts(reader, {});
    const preprocessor = platform.createImagePreprocessor(imageProcessor, {});
    const { projectionDim: dim } = config;
    const graph = await buildVisionGraph(config.visionConfig, checkpoint, { kind: "features" }, dim);
    const made = ["teacher", config.toJSON(), imageProcessor.toJSON()];
    const folder = join(output, "features");
    const tower = { platform, kind: "vision", graph, files: reader.files, checkpoint, made, dim, contextLength: 0, folder, numThreads, signal } as const; // prettier-ignore
    const own = new PreparedPairs(data, tokenizer, preprocessor, platform);
    return { dim, features: (_pairs, onProgress) => featuresOf(tower)(own, onProgress), dispose: () => preprocessor.dispose() };
  });
}
