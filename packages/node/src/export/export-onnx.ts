/**
 * A model as ONNX files for other runtimes and servers, each tower one file.
 */
import { resolve } from "node:path";
import { fileURLToPath } from "node:url";
import { type ChineseCLIPConfig, type EncodedGraph, encodeGraph } from "@chinese-clip/model";
import { loadFrom, loadModelParts, type ModelSource, type PretrainedOptions } from "@chinese-clip/pipeline";
import { nodePlatform } from "../node-platform.js";
import { StagedFiles } from "./staged-files.js";
import { tritonConfig } from "./triton-config.js";

/** How a model is found, and progress: the options that reading and writing a model's files have in common. */
export type ModelFileOptions = Omit<PretrainedOptions, "dtype" | "device" | "numThreads" | "sessionOptions" | "flavor">;

/** What {@link exportOnnx} writes. */
export interface ExportOnnxOptions extends ModelFileOptions {
  /** Which towers. Default: both. */
  readonly towers?: readonly ("text" | "vision")[] | undefined;
  /** Whether the features are L2-normalised. Default false. A row of zeros stays one. */
  readonly normalize?: boolean | undefined;
  /**
   * Whether the weights go into a file `text.onnx.data` beside `text.onnx`. Default `"auto"`: only where the model would reach the 2 GiB at
   * which protobuf ends.
   */
  readonly externalData?: boolean | "auto" | undefined;
  /** Write a Triton model repository instead: `text/config.pbtxt`, `text/1/model.onnx`, and `vision` alike. Default false. */
  readonly triton?: boolean | undefined;
  /** Rows that Triton may put into one batch. Default 64. */
  readonly maxBatchSize?: number | undefined;
  /**
   * Compute dtype. Default, and so far the only one: `"fp32"`. Weights that the checkpoint has in half precision stay so in
   * the file, with a conversion behind them that the runtime does when it loads the model.
   */
  readonly dtype?: "fp32" | undefined;
}

const TOWERS = ["text", "vision"] as const;

/**
 * Writes a model's towers as ONNX files that need nothing else: `text.onnx` (inputs int64 `[batch, sequence]` `input_ids`, `attention_mask`,
 * `token_type_ids`; output float32 `text_features [batch, E]`) and `vision.onnx` (input float32 `pixel_values [batch, C, H, W]`; output float32
 * `image_features [batch, E]`). Batch and sequence are free, H and W are the model's image size. `metadata_props` has `source`, `config` (JSON)
 * and `normalize`. Some operators are ONNX Runtime's own (`com.microsoft`).
 *
 * Weights are copied by ranges, a few megabytes in memory at a time. Files appear when all are written; where it fails, none do.
 *
 * @param source - as in `fromPretrained`.
 * @param folder - is made if need be; files of the same names are replaced.
 * @returns absolute paths of the files.
 * @throws RangeError - an option that is not known, or `externalData: false` for a model of 2 GiB or more; else as `fromPretrained`.
 */
export async function exportOnnx(source: ModelSource, folder: string | URL, options: ExportOnnxOptions = {}): Promise<readonly string[]> {
  const {
    towers = TOWERS,
    normalize = false,
    externalData = "auto",
    triton = false,
    maxBatchSize = 64,
    dtype = "fp32",
    signal,
    onProgress,
  } = options;
  const unknown = towers.find((tower) => !TOWERS.includes(tower));
  if (unknown !== undefined || towers.length === 0)
    throw new RangeError(`exportOnnx: expected towers to be some of ${TOWERS.join(", ")}, got ${JSON.stringify(towers)}`);
  if (![true, false, "auto"].includes(externalData))
    throw new RangeError(`exportOnnx: expected externalData to be true, false or "auto", got ${JSON.stringify(externalData)}`);
  if (!Number.isInteger(maxBatchSize) || maxBatchSize < 1)
    throw new RangeError(`exportOnnx: expected maxBatchSize to be an integer of at least 1, got ${maxBatchSize}`);
  if (dtype !== "fp32") throw new RangeError(`exportOnnx: expected dtype "fp32", got ${JSON.stringify(dtype)}`);
  const target = folderPath(folder);
  const { planOnnxExport } = await import("@chinese-clip/model/onnx");
  return loadFrom(nodePlatform, source, options, async (model) => {
    const { files } = model;
    const { config, graphs } = await loadModelParts(nodePlatform, model, options);
    const metadata = { source: files.source, config: JSON.stringify(config), normalize: String(normalize) };
    const graphOf = (tower: "text" | "vision"): Promise<EncodedGraph> =>
      encodeGraph(tower === "text" ? graphs.text({ kind: "features" }) : graphs.vision({ kind: "features" }, false));
    const staging = { folder: target, files, signal, onProgress };
    return StagedFiles.write(staging, async (staged) => {
      for (const tower of new Set(towers)) {
        const graph = await graphOf(tower);
        const name = triton ? "model.onnx" : `${tower}.onnx`;
        const prefix = triton ? `${tower}/1/` : "";
        const { model: onnx, data } = await planOnnxExport(graph, { normalize, externalData, dataFile: `${name}.data`, metadata });
        // One after the other: both are limited by the same disk.
        if (data.length > 0) await staged.add(`${prefix}${name}.data`, data);
        await staged.add(prefix + name, onnx);
        if (triton) await staged.add(`${tower}/config.pbtxt`, [tritonText(tower, graph, config, maxBatchSize)]);
      }
    });
  });
}

/** A folder's absolute path. */
export function folderPath(folder: string | URL): string {
  return folder instanceof URL || folder.startsWith("file:") ? fileURLToPath(folder) : resolve(folder);
}

function tritonText(name: string, { inputs, outputs }: EncodedGraph, config: ChineseCLIPConfig, maxBatchSize: number): Uint8Array {
  return new TextEncoder().encode(tritonConfig({ name, inputs, output: outputs[0] ?? "", config, maxBatchSize }));
}
