/**
 * Any checkpoint as a Hugging Face folder: what transformers' `convert_chinese_clip_original_pytorch_to_hf.py` does, without Python.
 */
import { isDeepStrictEqual } from "node:util";
import {
  type Checkpoint,
  CheckpointError,
  checkpointGraphs,
  ChineseCLIPConfig,
  safetensorsHeader,
  type StoredTensor,
  type WeightDtype,
} from "@chinese-clip/model";
import type { Piece } from "@chinese-clip/model/onnx";
import {
  CONFIG_FILE,
  findPreprocessorConfig,
  loadFrom,
  type ModelFiles,
  type ModelSource,
  PREPROCESSOR_CONFIG_FILE,
  PROCESSOR_CONFIG_FILE,
  TOKENIZER_FILES,
} from "@chinese-clip/pipeline";
import type { DiskModelFiles } from "../sources/open-model.js";
import { nodePlatform } from "../node-platform.js";
import { folderPath, type ModelFileOptions } from "./export-onnx.js";
import { readPiece, StagedFiles } from "./staged-files.js";

/** How the model is found, and progress. */
export type ConvertOptions = ModelFileOptions;

/** Bytes of an element, for each floating-point dtype. */
const ELEMENT_BYTES: Readonly<Partial<Record<WeightDtype, number>>> = { F64: 8, F32: 4, F16: 2, BF16: 2 };
/** What a published model's `preprocessor_config.json` says; only the size differs. */
const PREPROCESSOR: Readonly<Record<string, unknown>> = {
  feature_extractor_type: "ChineseCLIPFeatureExtractor",
  image_processor_type: "ChineseCLIPImageProcessor",
  do_resize: true,
  resample: 3,
  do_center_crop: false,
  do_rescale: true,
  do_normalize: true,
  image_mean: [0.48145466, 0.4578275, 0.40821073],
  image_std: [0.26862954, 0.26130258, 0.27577711],
};

/**
 * Writes a model as `config.json`, `model.safetensors`, `preprocessor_config.json` (and `processor_config.json` where the model has it) and, where they
 * are known, the tokenizer's files. Reads all that `fromPretrained` does but an ONNX export. Tensors keep their dtype and get Hugging Face's names;
 * cn_clip's projections are
 * transposed. transformers loads the result, but for a ResNet, which it does not have: that keeps cn_clip's names, under a `vision_config` with
 * `"model_type": "chinese_clip_modified_resnet"`.
 *
 * Weights are copied by ranges, a few megabytes in memory at a time. Files appear when all are written; where it fails, none do.
 *
 * @param source - as in `fromPretrained`.
 * @param folder - is made if need be; files of the same names are replaced.
 * @returns absolute paths of the files.
 * @throws CheckpointError - a file that is missing or malformed, a tensor that does not fit the configuration; else as `fromPretrained`.
 */
export async function convert(source: ModelSource, folder: string | URL, options: ConvertOptions = {}): Promise<readonly string[]> {
  const { signal, onProgress } = options;
  const target = folderPath(folder);
  return loadFrom(nodePlatform, source, options, async (model) => {
    const { files } = model;
    const config = ChineseCLIPConfig.fromJSON(await model.config());
    const checkpoint = await model.checkpoint();
    await checkWhole(config, checkpoint);
    const small = new Map(await smallFiles(files, config, checkpoint));
    const processor = await files.readText(PROCESSOR_CONFIG_FILE); // transformers 5 looks there first
    if (processor !== undefined) small.set(PROCESSOR_CONFIG_FILE, processor);
    const weights = await safetensors(await modelTensors(checkpoint), files);
    const staging = { folder: target, files, signal, onProgress };
    return StagedFiles.write(staging, async (staged) => {
      await staged.add("model.safetensors", weights);
      for (const [name, text] of small) await staged.add(name, [new TextEncoder().encode(text)]);
    });
  });
}

/** The files of a model that are not its weights, by name: those that it has, and those that follow from the weights. */
export async function smallFiles(
  files: DiskModelFiles,
  config: ChineseCLIPConfig,
  checkpoint: Checkpoint,
): Promise<ReadonlyMap<string, string>> {
  const small = new Map([
    // As it is: JavaScript would write 1.0 as 1, which transformers rejects where it wants a float.
    [CONFIG_FILE, (await files.readText(CONFIG_FILE)) ?? (await configJson(config, checkpoint))],
    [PREPROCESSOR_CONFIG_FILE, await preprocessorJson(files, config)],
  ]);
  for (const name of TOKENIZER_FILES) {
    const text = await files.readText(name);
    if (text !== undefined) small.set(name, text);
  }
  return small;
}

/** Builds both towers' graphs, which ask for every tensor in its shape. */
export async function checkWhole(config: ChineseCLIPConfig, checkpoint: Checkpoint): Promise<void> {
  const graphs = (await checkpointGraphs(config))(checkpoint);
  graphs.text({ kind: "features" });
  graphs.vision({ kind: "features" }, false);
  await checkpoint.scalar("logit_scale");
}

async function configJson(config: ChineseCLIPConfig, checkpoint: Checkpoint): Promise<string> {
  const dtypes = new Set((await modelTensors(checkpoint)).map(([, { dtype }]) => dtype));
  const dtype =
    dtypes.has("F32") || dtypes.size !== 1 ? "float32" : dtypes.has("F16") ? "float16" : dtypes.has("BF16") ? "bfloat16" : "float64";
  return pythonJson({ architectures: ["ChineseCLIPModel"], dtype, ...config.toJSON() });
}

/** Keys of a configuration whose values transformers wants as floats. */
const FLOAT =
  /^( *"(?:initializer_factor|initializer_range|layer_norm_eps|logit_scale_init_value|rescale_factor|(?:(?!dropout)\w)*dropout\w*)": -?\d+)(?=,?$)/gmu;

/** JSON in which what is a float in Python has a point, as 1.0: JavaScript has one kind of number. */
function pythonJson(value: unknown): string {
  return `${JSON.stringify(value, undefined, 2).replace(FLOAT, "$1.0")}\n`;
}

async function preprocessorJson(files: ModelFiles, { visionConfig }: ChineseCLIPConfig): Promise<string> {
  const given = await findPreprocessorConfig(files);
  const text = await files.readText(PREPROCESSOR_CONFIG_FILE);
  if (text !== undefined && isDeepStrictEqual(given, JSON.parse(text))) return text;
  if (given !== undefined) return pythonJson(given);
  const size = { height: visionConfig.imageSize, width: visionConfig.imageSize };
  return pythonJson({ ...PREPROCESSOR, size, crop_size: size });
}

/** The model's tensors, wide elements first, so that each begins at a multiple of its element's size; then by name. */
export async function modelTensors(checkpoint: Checkpoint): Promise<[name: string, tensor: StoredTensor][]> {
  const { isTowerTensor } = await import("@chinese-clip/model/quantize"); // a program that converts nothing never loads it
  const bytes = ({ dtype }: StoredTensor): number => ELEMENT_BYTES[dtype] ?? 0;
  return [...checkpoint.tensors]
    .filter(([name, tensor]) => (isTowerTensor("text", name) || isTowerTensor("vision", name)) && bytes(tensor) > 0)
    .toSorted(([a, x], [b, y]) => bytes(y) - bytes(x) || (a < b ? -1 : 1));
}

/** A safetensors file: eight bytes of length, the header, then the tensors one after the other. */
export async function safetensors(
  tensors: readonly (readonly [name: string, tensor: StoredTensor])[],
  files: DiskModelFiles,
): Promise<Piece[]> {
  const headers = tensors.map(([name, { dtype, shape, transposed }]) => ({ name, dtype, shape: transposed ? shape.toReversed() : shape }));
  const pieces: Piece[] = [safetensorsHeader(headers, { format: "pt" })];
  for (const [, tensor] of tensors) pieces.push(await tensorPiece(tensor, tensor.transposed, files));
  return pieces;
}

/** A tensor's bytes. @param isTurned - whether as they lie the other way round: only the two projections ever, at most a few megabytes each. */
export async function tensorPiece(tensor: StoredTensor, isTurned: boolean, files: DiskModelFiles): Promise<Piece> {
  const { shape, file: location, byteOffset: offset, byteLength: length, bytes } = tensor;
  const range = { location, offset, length };
  return isTurned ? transpose(bytes ?? (await readPiece(files, range)), shape, length) : (bytes ?? range);
}

/** A matrix of elements of any size, the other way round: a copy. */
function transpose(bytes: Uint8Array, shape: readonly number[], length: number): Uint8Array {
  const [rows = 0, columns = 0] = shape;
  if (shape.length !== 2)
    throw new CheckpointError("malformed", `expected a transposed tensor to be a matrix, got shape [${shape.join(", ")}]`);
  const size = length / (rows * columns);
  const result = new Uint8Array(length);
  for (let row = 0; row < rows; row++) {
    for (let column = 0; column < columns; column++) {
      const from = (row * columns + column) * size;
      result.set(bytes.subarray(from, from + size), (column * rows + row) * size);
    }
  }
  return result;
}
