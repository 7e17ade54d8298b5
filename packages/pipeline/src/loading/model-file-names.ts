/**
 * The names of a model's files: what transformers and cn_clip write, what the exporters of this project and others write, and which extensions
 * hold weights. The only place that knows them.
 */
import type { TowerName } from "@chinese-clip/model";
import type { Dtype } from "../platform.js";

/** The file that configures a model. */
export const CONFIG_FILE = "config.json";
/** The file that configures the image processor. */
export const PREPROCESSOR_CONFIG_FILE = "preprocessor_config.json";
/** The file that configures the processor; transformers 5 has the image processor's configuration in it, and no file of its own. */
export const PROCESSOR_CONFIG_FILE = "processor_config.json";
/** cn_clip's configuration: of the text tower, of the image tower. */
export const CN_CLIP_CONFIG_FILES = ["text_model_config.json", "vision_model_config.json"] as const;
/** The vocabulary, one token a line. */
export const VOCABULARY_FILE = "vocab.txt";
/** The whole tokenizer. */
export const TOKENIZER_FILE = "tokenizer.json";
/** The tokenizer's options. */
export const TOKENIZER_CONFIG_FILE = "tokenizer_config.json";
/** Special tokens by name, which transformers 4 writes beside both; version 5 has them in the tokenizer's options. */
export const SPECIAL_TOKENS_FILE = "special_tokens_map.json";
/** Added tokens and their ids, which older versions of transformers write beside a `vocab.txt`. */
export const ADDED_TOKENS_FILE = "added_tokens.json";
/** Files that make up a tokenizer. */
export const TOKENIZER_FILES: readonly string[] = [
  VOCABULARY_FILE,
  TOKENIZER_FILE,
  TOKENIZER_CONFIG_FILE,
  SPECIAL_TOKENS_FILE,
  ADDED_TOKENS_FILE,
];
/** Hugging Face's names of the weights, by preference: safetensors takes the fewest reads. An index stands for the files that it names. */
export const WEIGHTS_FILES: readonly string[] = [
  "model.safetensors",
  "model.safetensors.index.json",
  "pytorch_model.bin",
  "pytorch_model.bin.index.json",
];
/**
 * Hugging Face's names of a variant's weights, by preference.
 *
 * @param variant - as in `save_pretrained`: `"fp16"` for `model.fp16.safetensors`. Default: none.
 */
export function weightsFiles(variant: string | undefined): readonly string[] {
  return variant === undefined ? WEIGHTS_FILES : WEIGHTS_FILES.map((name) => name.replace(/(?=\.\w+$)/, `.${variant}`));
}

/** The variant in one of Hugging Face's names of weights; undefined where there is none. */
export function parseVariant(name: string): string | undefined {
  const [, variant, ofIndex] =
    /^(?:model|pytorch_model)\.(?:([\w-]+)\.(?:safetensors|bin)|(?:safetensors|bin)\.index\.([\w-]+)\.json)$/.exec(name) ?? [];
  return variant ?? ofIndex;
}

/** Other names of weights, by preference, each only where one file has such a name: cn_clip's releases, then checkpoints of training loops. */
export const OTHER_WEIGHTS_FILES: readonly RegExp[] = [/^clip_cn_.*\.pt$/, /\.pt$/, /\.(?:ckpt|pth)$/];
/** Where the exporters put the float32 graph of both towers. */
export const EXPORT_FILES: readonly string[] = ["onnx/model.onnx", "model.onnx"];
/** Lists the files of a folder that `exportWeb` wrote, with their sizes and hashes. */
export const MANIFEST_FILE = "chinese-clip.json";

/** Files to look for, one by one, at a server that cannot list what it has. */
export const PROBED_FILES: readonly string[] = [
  CONFIG_FILE,
  PREPROCESSOR_CONFIG_FILE,
  PROCESSOR_CONFIG_FILE,
  TOKENIZER_FILE,
  TOKENIZER_CONFIG_FILE,
  ADDED_TOKENS_FILE,
  VOCABULARY_FILE,
  ...CN_CLIP_CONFIG_FILES,
  ...WEIGHTS_FILES,
  "clip_cn_vit-b-16.pt",
  "clip_cn_vit-l-14.pt",
  "clip_cn_vit-l-14-336.pt",
  "clip_cn_vit-h-14.pt",
  "clip_cn_rn50.pt",
];

const CHECKPOINT = /\.(?:safetensors|bin|pt|pth|ckpt)$/;
/** What trainers save beside the weights. */
const BESIDE_WEIGHTS = /^(?:optimizer|scheduler|scaler|rng_state\w*|training_args|\w*_optim_states)\.(?:pt|pth|bin)$/;
const GRAPH = /\.onnx$/;
const SHARD_INDEX = /\.index\.json$/;
const TOWER_FILE = /^(text|vision)\.(fp32|fp16|q8|q4)\.safetensors$/;

/** Whether a file has the extension of a checkpoint: safetensors or PyTorch. */
export function isCheckpointFile(name: string): boolean {
  return CHECKPOINT.test(name);
}

/** The files that may be weights by one of {@link OTHER_WEIGHTS_FILES}. */
export function otherWeightsFiles(names: readonly string[], pattern: RegExp): readonly string[] {
  return names.filter((name) => pattern.test(name) && !BESIDE_WEIGHTS.test(name));
}

/** Whether a file has the extension of an ONNX graph. */
export function isGraphFile(name: string): boolean {
  return GRAPH.test(name);
}

/** Whether a file has the extension of a checkpoint or a graph, so that a path to it names a model. */
export function isWeightsFile(name: string): boolean {
  return isCheckpointFile(name) || isGraphFile(name);
}

/** Whether a file says which weights files hold which tensors: `<weights file>.index.json`. */
export function isShardIndex(name: string): boolean {
  return SHARD_INDEX.test(name) && isWeightsFile(name.replace(SHARD_INDEX, ""));
}

/** The name of the file that holds one tower in one dtype. */
export function towerFileName(tower: TowerName, dtype: Dtype): string {
  return `${tower}.${dtype}.safetensors`;
}

/** Which tower a file holds and in which dtype, by its name; undefined for other files. */
export function parseTowerFileName(name: string): { readonly tower: TowerName; readonly dtype: Dtype } | undefined {
  const [, tower, dtype] = TOWER_FILE.exec(name) ?? [];
  // the pattern has only these
  return tower === undefined ? undefined : { tower: tower as TowerName, dtype: dtype as Dtype };
}
