/**
 * Reads a `tokenizer.json` of Hugging Face's `tokenizers`, as far as it describes BERT's WordPiece; what it describes otherwise is
 * refused, not approximated. The sections `truncation` and `padding` hold no defaults for transformers, whose calls
 * override both; only a direction other than to the right would have an effect, and is refused.
 */
import type { AddedToken } from "./added-tokens.js";
import type { NormalizationOptions } from "./normalization.js";
import { refuse, TokenizerError, type TokenizerErrorCode } from "./tokenizer-error.js";
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
  /** The padding, the unknown word, before and behind a text. */
  readonly specials: readonly [pad: string, unk: string, cls: string, sep: string];
}

/** A ceiling to `max_input_chars_per_word` (100 in BERT): a letter of a hostile word costs at most this much. */
const MAX_MAX_CHARS = 10_000;

type Json = { readonly [key: string]: Json } | null | undefined;

/** Reads fields by their dotted path, which the errors then name. */
class JsonReader {
  readonly #root: Json;

  constructor(root: unknown) {
    this.#root = root as Json;
  }

  /** The value at a path, whatever it is. */
  at(path: string): unknown {
    let value = this.#root;
    for (const key of path.split(".")) value = value?.[key];
    return value;
  }

  /** Refuses the value at a path. */
  fail(path: string, expected: string, code: TokenizerErrorCode = "invalid_field"): never {
    return refuse(code, `tokenizer.json: ${path}`, expected, JSON.stringify(this.at(path))?.slice(0, 60) ?? "nothing");
  }

  /** A value of the fallback's type; an empty string is none, and no fallback. */
  value<T extends string | boolean | number>(path: string, fallback: T): T {
    const value = this.at(path) ?? fallback;
    return typeof value === typeof fallback && value !== "" ? (value as T) : this.fail(path, `a ${typeof fallback}`);
  }

  /** Refuses another kind of component than the one this package implements. */
  only(path: string, supported: string, fallback?: string): void {
    if ((this.at(path) ?? fallback) !== supported) this.fail(path, JSON.stringify(supported), "unsupported");
  }
}

/**
 * Reads the text or the parsed value of a `tokenizer.json`.
 * @throws TokenizerError every code but `mixed_line_ends`
 */
export function parseTokenizerJson(json: unknown): TokenizerParts {
  const reader = new JsonReader(typeof json === "string" ? parseJson(json) : json);
  // Files of older versions do not name the model's type.
  reader.only("model.type", "WordPiece", "WordPiece");
  reader.only("normalizer.type", "BertNormalizer");
  reader.only("pre_tokenizer.type", "BertPreTokenizer");
  reader.only("truncation.direction", "Right", "Right");
  reader.only("padding.direction", "Right", "Right");
  const doLowerCase = reader.value<boolean>("normalizer.lowercase", true);
  const maxChars = reader.value<number>("model.max_input_chars_per_word", 100);
  if (!(Number.isInteger(maxChars) && maxChars >= 1 && maxChars <= MAX_MAX_CHARS)) {
    reader.fail("model.max_input_chars_per_word", `an integer from 1 to ${MAX_MAX_CHARS}`);
  }
  const addedTokens = readAddedTokens(reader);
  return {
    vocabulary: readVocabulary(reader, addedTokens),
    normalization: {
      cleanText: reader.value<boolean>("normalizer.clean_text", true),
      tokenizeChineseChars: reader.value<boolean>("normalizer.handle_chinese_chars", true),
      stripAccents: reader.value<boolean>("normalizer.strip_accents", doLowerCase),
      doLowerCase,
    },
    addedTokens,
    decoder: readDecoder(reader),
    prefix: reader.value<string>("model.continuing_subword_prefix", "##"),
    maxChars,
    specials: [
      reader.value<string>("padding.pad_token", "[PAD]"),
      reader.value<string>("model.unk_token", "[UNK]"),
      ...readPostProcessor(reader),
    ],
  };
}

function parseJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch (cause) {
    throw new TokenizerError("invalid_json", `tokenizer.json: ${(cause as Error).message}`, {}, { cause });
  }
}

function readAddedTokens(reader: JsonReader): AddedToken[] {
  const items = reader.at("added_tokens") ?? [];
  if (!Array.isArray(items)) return reader.fail("added_tokens", "an array");
  return items.map((_, i) => {
    const path = `added_tokens.${i}`;
    return {
      id: reader.at(`${path}.id`) as number,
      content: reader.value<string>(`${path}.content`, ""),
      special: reader.value<boolean>(`${path}.special`, false),
      normalized: reader.value<boolean>(`${path}.normalized`, true),
      singleWord: reader.value<boolean>(`${path}.single_word`, false),
      lstrip: reader.value<boolean>(`${path}.lstrip`, false),
      rstrip: reader.value<boolean>(`${path}.rstrip`, false),
    };
  });
}

/** The model's tokens and the added ones together: ids from 0 without holes, each for one token. */
function readVocabulary(reader: JsonReader, addedTokens: readonly AddedToken[]): Vocabulary {
  const entries: [string, unknown][] = Object.entries(Object(reader.at("model.vocab")) as object);
  for (const { content, id } of addedTokens) entries.push([content, id]);
  const ids = new Map<string, number>();
  const tokens: string[] = [];
  const fail = (got: string, code: TokenizerErrorCode = "invalid_id"): never =>
    refuse(code, "tokenizer.json: model.vocab, added_tokens", "tokens with ids from 0, without holes", got);
  for (const [token, id] of entries) {
    if (token === "") fail("an empty token", "empty_token");
    // `tokens` is filled in any order, but never sparsely: an id beyond the number of tokens could only leave a hole.
    const isPossible = typeof id === "number" && Number.isInteger(id) && id >= 0 && id < entries.length;
    if (!isPossible || (tokens[id] ?? token) !== token || (ids.get(token) ?? id) !== id) return fail(`${token}: ${String(id)}`);
    ids.set(token, id);
    tokens[id] = token;
  }
  if (ids.size === 0) fail("none", "empty_vocab");
  if (ids.size !== tokens.length) fail(`none for ${tokens.findIndex((token) => token === undefined)}`);
  return { tokens, ids };
}

function readDecoder(reader: JsonReader): WordPieceDecoder | undefined {
  if ((reader.at("decoder") ?? null) === null) return undefined;
  reader.only("decoder.type", "WordPiece");
  return { prefix: reader.value<string>("decoder.prefix", "##"), cleanup: reader.value<boolean>("decoder.cleanup", true) };
}

/** The two tokens put around a text. */
function readPostProcessor(reader: JsonReader): [cls: string, sep: string] {
  if (reader.at("post_processor.type") === "BertProcessing") {
    return [reader.value<string>("post_processor.cls.0", ""), reader.value<string>("post_processor.sep.0", "")];
  }
  reader.only("post_processor.type", "TemplateProcessing");
  const single = "post_processor.single";
  const isUsual = reader.at(`${single}.length`) === 3 && reader.at(`${single}.1.Sequence`) !== undefined;
  if (!isUsual) reader.fail(single, "a special token, the text and a special token", "unsupported");
  return [reader.value<string>(`${single}.0.SpecialToken.id`, ""), reader.value<string>(`${single}.2.SpecialToken.id`, "")];
}
