/**
 * `tokenizer_config.json`: the keys that change what a text becomes. Each is honoured, or rejected by name where it asks for what this
 * tokenizer does not do. The published models have no such file; `save_pretrained` writes one.
 */
import { CheckpointError } from "@chinese-clip/model";
import type { AddedToken, BertTokenizerOptions } from "@chinese-clip/tokenizer";
import type { PretrainedOptions } from "../platform.js";
import { showValue } from "../show-value.js";
import { SPECIAL_TOKENS_FILE, TOKENIZER_CONFIG_FILE } from "./model-file-names.js";

/** cn_clip's `context_length`, which no file can raise in its flavour: the weights have seen no longer text. */
const CN_CLIP_CONTEXT_LENGTH = 52;

/** What {@link parseTokenizerConfig} found. */
export interface TokenizerConfig {
  /** For the tokenizer. */
  readonly options: BertTokenizerOptions;
  /** Tokens that must be in the vocabulary: the file names them without an id. */
  readonly namedTokens: readonly string[];
}

type Record = ReadonlyMap<string, unknown>;

/**
 * The tokenizer's options by a model's `tokenizer_config.json`.
 *
 * @throws CheckpointError - `malformed`, naming the key.
 */
export function parseTokenizerConfig(json: unknown, flavor: PretrainedOptions["flavor"] = "cn_clip"): TokenizerConfig {
  const read = recordOf("an object", json);
  const limit = read.get("model_max_length") ?? undefined;
  if (limit !== undefined && !(typeof limit === "number" && limit >= 2))
    throw malformed("model_max_length to be a number of at least 2", limit);
  const modelMaxLength = flavor === "cn_clip" ? Math.min(limit ?? Infinity, CN_CLIP_CONTEXT_LENGTH) : limit;
  for (const key of ["padding_side", "truncation_side"]) only(read, key, "right");
  only(read, "do_basic_tokenize", true);
  // cn_clip takes the special tokens in a text for characters in any case.
  if (flavor !== "cn_clip") only(read, "split_special_tokens", false);
  const neverSplit = read.get("never_split") ?? [];
  if (!Array.isArray(neverSplit) || neverSplit.length > 0) throw malformed("never_split to be empty", neverSplit);
  return {
    options: {
      doLowerCase: boolean(read, "do_lower_case"),
      tokenizeChineseChars: boolean(read, "tokenize_chinese_chars"),
      stripAccents: boolean(read, "strip_accents"),
      modelMaxLength: modelMaxLength === undefined ? undefined : Math.floor(modelMaxLength),
      padToken: token(read, "pad_token"),
      unkToken: token(read, "unk_token"),
      clsToken: token(read, "cls_token"),
      sepToken: token(read, "sep_token"),
      maskToken: token(read, "mask_token"),
      addedTokens: addedTokens(read.get("added_tokens_decoder") ?? {}),
    },
    namedTokens: ["additional_special_tokens", "extra_special_tokens"].flatMap((key) =>
      Object.values(Object(read.get(key) ?? []) as object).map((value) => contentOf(key, value)),
    ),
  };
}

/** Whether a `tokenizer_config.json` has its tokens itself: a `special_tokens_map.json` beside it then counts no more. */
export function hasAddedTokens(json: unknown): boolean {
  return typeof json === "object" && json !== null && "added_tokens_decoder" in json;
}

/**
 * A `tokenizer_config.json` with the tokens of a `special_tokens_map.json` in the place of its own.
 *
 * @throws CheckpointError - `malformed`: the map is no object.
 */
export function withSpecialTokens(json: unknown, map: unknown): unknown {
  if (typeof map !== "object" || map === null || Array.isArray(map)) {
    const file = SPECIAL_TOKENS_FILE;
    throw new CheckpointError("malformed", `${file}: expected an object, got ${showValue(map)}`, { file });
  }
  return { ...Object(json), ...map };
}

/**
 * The tokens of an `added_tokens.json`, which older versions of transformers write beside a `vocab.txt`.
 *
 * @throws CheckpointError - `malformed`.
 */
export function parseAddedTokens(json: unknown): readonly AddedToken[] {
  return [...recordOf("an object of added tokens", json)].map(([content, id]) => {
    if (typeof id !== "number") throw malformed(`added_tokens.json to hold a number for ${showValue(content)}`, id);
    return { content, id };
  });
}

/** @throws CheckpointError - for a token without an id. */
export function checkNamedTokens(named: readonly string[], vocab: ReadonlyMap<string, number>): void {
  const missing = named.find((content) => !vocab.has(content));
  if (missing !== undefined) throw malformed("additional_special_tokens that are in the vocabulary or among the added tokens", missing);
}

function recordOf(expected: string, json: unknown): Record {
  if (typeof json !== "object" || json === null || Array.isArray(json)) throw malformed(expected, json);
  return new Map(Object.entries(json));
}

function boolean(read: Record, key: string): boolean | undefined {
  const value = read.get(key) ?? undefined;
  if (value !== undefined && typeof value !== "boolean") throw malformed(`${key} to be true or false`, value);
  return value;
}

/** Rejects another value than the one that this tokenizer follows. */
function only(read: Record, key: string, supported: string | boolean): void {
  const value = read.get(key) ?? supported;
  if (value !== supported) throw malformed(`${key} to be ${showValue(supported)}, which is all that is supported`, value);
}

/** A token: its text, or an object with its `content`. */
function token(read: Record, key: string): string | undefined {
  const value = read.get(key) ?? undefined;
  return value === undefined ? undefined : contentOf(key, value);
}

function contentOf(key: string, value: unknown): string {
  const content: unknown = typeof value === "object" && value !== null && "content" in value ? value.content : value;
  if (typeof content !== "string" || content === "") throw malformed(`${key} to be a token`, value);
  return content;
}

function addedTokens(json: unknown): AddedToken[] {
  return [...recordOf("added_tokens_decoder to be an object", json)].map(([id, value]) => {
    const flags = recordOf(`added_tokens_decoder to hold an object for ${showValue(id)}`, value);
    return {
      id: Number(id),
      content: contentOf("added_tokens_decoder", value),
      special: boolean(flags, "special"),
      normalized: boolean(flags, "normalized"),
      singleWord: boolean(flags, "single_word"),
      lstrip: boolean(flags, "lstrip"),
      rstrip: boolean(flags, "rstrip"),
    };
  });
}

function malformed(expected: string, actual: unknown): CheckpointError {
  return new CheckpointError("malformed", `${TOKENIZER_CONFIG_FILE}: expected ${expected}, got ${showValue(actual)}`, {
    file: TOKENIZER_CONFIG_FILE,
  });
}
