/**
 * `tokenizer_config.json`: the few keys of it that change what a text becomes. The published models have no such file.
 */
import { CheckpointError } from "@chinese-clip/model";
import type { BertTokenizerOptions } from "@chinese-clip/tokenizer";
import type { ModelFiles, PretrainedOptions } from "../platform.js";
import { readJson } from "./read-json.js";

const FILE = "tokenizer_config.json";
/** cn_clip's `context_length`, which no file can raise in its flavour: the weights have seen no longer text. */
const CN_CLIP_CONTEXT_LENGTH = 52;

/**
 * The tokenizer's options by a model's `tokenizer_config.json`; none where there is no such file.
 *
 * @throws CheckpointError - `malformed`, naming the key.
 */
export async function readTokenizerConfig(
  files: ModelFiles,
  flavor: PretrainedOptions["flavor"] = "cn_clip",
): Promise<BertTokenizerOptions> {
  const json = await readJson(files, FILE);
  if (json === undefined) return {};
  if (typeof json !== "object" || json === null || Array.isArray(json)) throw malformed("an object", json);
  const read = new Map(Object.entries(json));
  const boolean = (key: string): boolean | undefined => {
    const value = read.get(key) ?? undefined;
    if (value !== undefined && typeof value !== "boolean") throw malformed(`${key} to be true or false`, value);
    return value;
  };
  const limit = read.get("model_max_length") ?? undefined;
  if (limit !== undefined && !(typeof limit === "number" && limit >= 2))
    throw malformed("model_max_length to be a number of at least 2", limit);
  const modelMaxLength = flavor === "cn_clip" ? Math.min(limit ?? Infinity, CN_CLIP_CONTEXT_LENGTH) : limit;
  return {
    doLowerCase: boolean("do_lower_case"),
    tokenizeChineseChars: boolean("tokenize_chinese_chars"),
    stripAccents: boolean("strip_accents"),
    modelMaxLength: modelMaxLength === undefined ? undefined : Math.floor(modelMaxLength),
  };
}

function malformed(expected: string, actual: unknown): CheckpointError {
  return new CheckpointError("malformed", `${FILE}: expected ${expected}, got ${JSON.stringify(actual)?.slice(0, 80)}`, {
    file: FILE,
  });
}
