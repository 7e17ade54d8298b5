/**
 * Reads a `tokenizer.json` of Hugging Face's `tokenizers`, as far as it describes BERT's WordPiece; what it describes otherwise is
 * refused, not approximated. The sections `truncation` and `padding` hold no defaults for transformers, whose calls
 * override both; only a direction other than to the right would have an effect, and is refused.
 */
import type { AddedToken } from "./added-tokens.js";
import type { NormalizationOptions } from "./normalization.js";
import { TokenizerError } from "./tokenizer-error.js";
import type { Vocabulary } from "./vocabulary.js";
import type { WordPieceDecoder } from "./word-piece-decoder.js";

/** What a tokenizer is made of, whatever file it came from. */
export interface TokenizerParts {
  readonly vocabulary: Vocabulary;
  readonly normalization: NormalizationOptions;
  readonly addedTokens: readonly AddedToken[];
  readonly decoder: WordPieceDecoder | undefined;
  readonly prefix: string;
  /** Letters above which a word is unknown in the flavour `transformers`. */
  readonly maxChars: number;
  readonly unkToken: string;
  readonly clsToken: string;
  readonly sepToken: string;
  readonly padToken: string;
}

/** A ceiling to `max_input_chars_per_word` (100 in BERT): a hostile word costs this much times the longest token. */
const MAX_MAX_CHARS = 10_000;

type Json = Readonly<Record<string, unknown>>;

function describe(value: unknown): string {
  return value === undefined ? "nothing" : (JSON.stringify(value)?.slice(0, 60) ?? typeof value);
}

function invalid(path: string, expected: string, got: unknown): TokenizerError {
  const found = describe(got);
  return new TokenizerError("invalid_field", `tokenizer.json: ${path}: expected ${expected}, got ${found}`, { path, got: found });
}

function unsupported(path: string, expected: string, got: unknown): TokenizerError {
  const found = describe(got);
  return new TokenizerError("unsupported", `tokenizer.json: ${path}: only ${expected} is supported, got ${found}`, { path, got: found });
}

function isObject(value: unknown): value is Json {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

function objectAt(value: unknown, path: string): Json {
  if (!isObject(value)) throw invalid(path, "an object", value);
  return value;
}

function booleanAt(parent: Json, path: string, key: string, fallback: boolean): boolean {
  const value = parent[key] ?? fallback;
  if (typeof value !== "boolean") throw invalid(`${path}.${key}`, "a boolean", value);
  return value;
}

function stringAt(parent: Json, path: string, key: string, fallback?: string): string {
  const value = parent[key] ?? fallback;
  if (typeof value !== "string") throw invalid(`${path}.${key}`, "a string", value);
  return value;
}

function idAt(value: unknown, path: string): number {
  if (typeof value !== "number" || !Number.isInteger(value) || value < 0) {
    const found = describe(value);
    throw new TokenizerError("invalid_id", `tokenizer.json: ${path}: expected an integer from 0, got ${found}`, { path, got: found });
  }
  return value;
}

/** A section of the given type. */
function sectionAt(root: Json, key: string, type: string): Json {
  const section = objectAt(root[key], key);
  if (section["type"] !== type) throw unsupported(`${key}.type`, JSON.stringify(type), section["type"]);
  return section;
}

/**
 * Reads the text or the parsed value of a `tokenizer.json`.
 * @throws TokenizerError every code but `mixed_line_ends`
 */
export function parseTokenizerJson(json: unknown): TokenizerParts {
  const root = objectAt(typeof json === "string" ? parseJson(json) : json, "the whole");
  // Files of older versions do not name the model's type.
  const model = objectAt(root["model"], "model");
  if ((model["type"] ?? "WordPiece") !== "WordPiece") throw unsupported("model.type", '"WordPiece"', model["type"]);
  const maxChars = model["max_input_chars_per_word"] ?? 100;
  if (typeof maxChars !== "number" || !Number.isInteger(maxChars) || maxChars < 1 || maxChars > MAX_MAX_CHARS) {
    throw invalid("model.max_input_chars_per_word", `an integer from 1 to ${MAX_MAX_CHARS}`, maxChars);
  }
  const normalizer = sectionAt(root, "normalizer", "BertNormalizer");
  const doLowerCase = booleanAt(normalizer, "normalizer", "lowercase", true);
  sectionAt(root, "pre_tokenizer", "BertPreTokenizer");
  for (const key of ["truncation", "padding"]) {
    const direction = isObject(root[key]) ? (root[key]["direction"] ?? "Right") : "Right";
    if (direction !== "Right") throw unsupported(`${key}.direction`, '"Right"', direction);
  }
  const addedTokens = parseAddedTokens(root["added_tokens"] ?? []);
  return {
    vocabulary: buildVocabulary(objectAt(model["vocab"], "model.vocab"), addedTokens),
    normalization: {
      cleanText: booleanAt(normalizer, "normalizer", "clean_text", true),
      tokenizeChineseChars: booleanAt(normalizer, "normalizer", "handle_chinese_chars", true),
      stripAccents: booleanAt(normalizer, "normalizer", "strip_accents", doLowerCase),
      doLowerCase,
    },
    addedTokens,
    decoder: parseDecoder(root["decoder"]),
    prefix: stringAt(model, "model", "continuing_subword_prefix", "##"),
    maxChars,
    unkToken: stringAt(model, "model", "unk_token", "[UNK]"),
    ...parsePostProcessor(objectAt(root["post_processor"], "post_processor")),
    padToken: isObject(root["padding"]) ? stringAt(root["padding"], "padding", "pad_token", "[PAD]") : "[PAD]",
  };
}

function parseJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch (cause) {
    throw new TokenizerError("invalid_json", `tokenizer.json: ${(cause as Error).message}`, {}, { cause });
  }
}

function parseAddedTokens(value: unknown): AddedToken[] {
  if (!Array.isArray(value)) throw invalid("added_tokens", "an array", value);
  return value.map((item: unknown, i) => {
    const path = `added_tokens[${i}]`;
    const token = objectAt(item, path);
    const content = stringAt(token, path, "content");
    if (content === "") throw new TokenizerError("empty_token", `tokenizer.json: ${path}.content is empty`, { path });
    return {
      id: idAt(token["id"], `${path}.id`),
      content,
      special: booleanAt(token, path, "special", false),
      normalized: booleanAt(token, path, "normalized", true),
      singleWord: booleanAt(token, path, "single_word", false),
      lstrip: booleanAt(token, path, "lstrip", false),
      rstrip: booleanAt(token, path, "rstrip", false),
    };
  });
}

/** The model's tokens and the added ones together: ids from 0 without holes, each for one token. */
function buildVocabulary(vocab: Json, addedTokens: readonly AddedToken[]): Vocabulary {
  const ids = new Map<string, number>();
  const tokens: string[] = [];
  const entries = Object.entries(vocab);
  const count = entries.length + addedTokens.length;
  const add = (token: string, value: unknown, path: string): void => {
    const id = idAt(value, path);
    if (token === "") throw new TokenizerError("empty_token", `tokenizer.json: ${path}: an empty token`, { path });
    // `tokens` is filled in any order; an id past the number of all tokens can only leave a hole, and must not make the array sparse.
    const taken = id < count ? tokens[id] : undefined;
    if (id >= count || (taken ?? token) !== token || (ids.get(token) ?? id) !== id) {
      const why =
        id >= count ? `only ${count} tokens` : `${JSON.stringify(taken ?? token)} has id ${taken === undefined ? ids.get(token) : id}`;
      throw new TokenizerError("invalid_id", `tokenizer.json: ${path}: id ${id}, but ${why}`, { path, id, token });
    }
    ids.set(token, id);
    tokens[id] = token;
  };
  for (const [token, id] of entries) add(token, id, `model.vocab[${JSON.stringify(token)}]`);
  for (const [i, { content, id }] of addedTokens.entries()) add(content, id, `added_tokens[${i}].id`);
  if (ids.size === 0) throw new TokenizerError("empty_vocab", "tokenizer.json: model.vocab: no token in it", { path: "model.vocab" });
  if (ids.size !== tokens.length) {
    const id = tokens.findIndex((token) => token === undefined);
    throw new TokenizerError("invalid_id", `tokenizer.json: model.vocab: no token has id ${id}`, { path: "model.vocab", id });
  }
  return { tokens, ids };
}

function parseDecoder(value: unknown): WordPieceDecoder | undefined {
  if (value === undefined || value === null) return undefined;
  const decoder = objectAt(value, "decoder");
  if (decoder["type"] !== "WordPiece") throw unsupported("decoder.type", '"WordPiece"', decoder["type"]);
  return { prefix: stringAt(decoder, "decoder", "prefix", "##"), cleanup: booleanAt(decoder, "decoder", "cleanup", true) };
}

/** The two tokens put around a text. */
function parsePostProcessor(section: Json): { clsToken: string; sepToken: string } {
  const path = "post_processor";
  if (section["type"] === "BertProcessing") {
    const [clsToken, sepToken] = ["cls", "sep"].map((key) => {
      const pair = section[key];
      const token: unknown = Array.isArray(pair) ? pair[0] : undefined;
      if (typeof token !== "string") throw invalid(`${path}.${key}`, "a token and its id", pair);
      return token;
    });
    return { clsToken: clsToken as string, sepToken: sepToken as string };
  }
  if (section["type"] !== "TemplateProcessing") throw unsupported(`${path}.type`, '"TemplateProcessing"', section["type"]);
  const single = section["single"];
  const items = Array.isArray(single) ? single.map((item: unknown) => objectAt(item, `${path}.single`)) : [];
  const [cls, text, sep] = items.map((item) => item["SpecialToken"] ?? item["Sequence"]);
  if (items.length !== 3 || !isObject(cls) || !isObject(items[1]?.["Sequence"]) || !isObject(sep) || !isObject(text)) {
    throw unsupported(`${path}.single`, "a special token, the text and a special token", single);
  }
  return { clsToken: stringAt(cls, `${path}.single[0]`, "id"), sepToken: stringAt(sep, `${path}.single[2]`, "id") };
}
