/**
 * Reads a `tokenizer.json` of Hugging Face's `tokenizers`, as far as it describes BERT's WordPiece; what it describes otherwise is
 * refused, not approximated. The sections `truncation` and `padding` hold no defaults for transformers, whose calls
 * override both; only a direction other than to the right would have an effect, and is refused.
 */
import type { AddedToken } from "./added-tokens.js";
import type { NormalizationOptions } from "./normalization.js";
import { TokenizerError, type TokenizerErrorCode } from "./tokenizer-error.js";
import type { Vocabulary } from "./vocabulary.js";
import type { WordPieceDecoder } from "./word-piece-decoder.js";

/** What a tokenizer is made of, whatever file it came from. */
export interface TokenizerParts extends NormalizationOptions {
  readonly vocabulary: Vocabulary;
  readonly addedTokens: readonly AddedToken[];
  readonly decoder: WordPieceDecoder;
  readonly prefix: string;
  /** Letters above which a word is unknown in the flavour `transformers`. */
  readonly maxChars: number;
  /** The padding, the unknown word, before and behind a text, the mask. */
  readonly specials: readonly [pad: string, unk: string, cls: string, sep: string, mask: string];
}

/** A ceiling to `max_input_chars_per_word` (100 in BERT): a letter of a hostile word costs at most this much. */
const MAX_MAX_CHARS = 10_000;

type Json = { readonly [key: string]: Json } | null | undefined;

/** Reads a field by its dotted path: a value of the fallback's type; an empty string is none. Refusals name the path. */
type ReadField = <T extends string | boolean | number>(path: string, fallback: T) => T;

function valueAt(root: unknown, path: string): unknown {
  let value = root as Json;
  for (const key of path.split(".")) value = value?.[key];
  return value;
}

function fail(root: unknown, path: string, expected: string, code: TokenizerErrorCode = "invalid_field"): never {
  // `stringify` gives undefined for nothing, whatever its type says.
  const got = JSON.stringify(valueAt(root, path)) as string | undefined;
  throw new TokenizerError(code, `tokenizer.json: ${path}`, expected, String(got).slice(0, 60));
}

/**
 * Reads the text or the parsed value of a `tokenizer.json`.
 * @throws TokenizerError `invalid_json`, `invalid_field`, `invalid_id`, `unsupported`
 */
export function parseTokenizerJson(json: unknown): TokenizerParts {
  const root = typeof json === "string" ? parseJson(json) : json;
  const read: ReadField = (path, fallback) => {
    const value = valueAt(root, path) ?? fallback;
    return typeof value === typeof fallback && value !== "" ? (value as typeof fallback) : fail(root, path, `a ${typeof fallback}`);
  };
  /** Refuses another kind of component than the one this package implements. */
  const only = (path: string, supported: unknown, fallback?: unknown): void => {
    if ((valueAt(root, path) ?? fallback) !== supported) fail(root, path, JSON.stringify(supported), "unsupported");
  };
  // Files of older versions do not name the model's type.
  only("model.type", "WordPiece", "WordPiece");
  only("normalizer.type", "BertNormalizer");
  only("pre_tokenizer.type", "BertPreTokenizer");
  only("post_processor.type", "TemplateProcessing");
  only("post_processor.single.length", 3);
  for (const path of ["truncation.direction", "padding.direction"]) only(path, "Right", "Right");
  only("decoder.type", "WordPiece");
  const maxChars = read<number>("model.max_input_chars_per_word", 100);
  if (!(maxChars >= 1 && maxChars <= MAX_MAX_CHARS)) fail(root, "model.max_input_chars_per_word", `1 to ${MAX_MAX_CHARS}`);
  const items = valueAt(root, "added_tokens") ?? [];
  if (!Array.isArray(items)) return fail(root, "added_tokens", "an array");
  const addedTokens = items.map((_, i): AddedToken => {
    const path = `added_tokens.${i}.`;
    for (const flag of ["single_word", "lstrip", "rstrip"]) only(path + flag, false, false);
    return {
      id: read<number>(`${path}id`, -1),
      content: read<string>(`${path}content`, ""),
      special: read<boolean>(`${path}special`, false),
      normalized: read<boolean>(`${path}normalized`, true),
    };
  });
  const vocab = valueAt(root, "model.vocab");
  if (typeof vocab !== "object") fail(root, "model.vocab", "an object");
  const doLowerCase = read<boolean>("normalizer.lowercase", true);
  return {
    vocabulary: buildVocabulary(vocab, addedTokens),
    cleanText: read<boolean>("normalizer.clean_text", true),
    tokenizeChineseChars: read<boolean>("normalizer.handle_chinese_chars", true),
    stripAccents: read<boolean>("normalizer.strip_accents", doLowerCase),
    doLowerCase,
    addedTokens,
    decoder: { prefix: read<string>("decoder.prefix", "##"), cleanup: read<boolean>("decoder.cleanup", true) },
    prefix: read<string>("model.continuing_subword_prefix", "##"),
    maxChars,
    specials: [
      read<string>("padding.pad_token", "[PAD]"),
      read<string>("model.unk_token", "[UNK]"),
      read<string>("post_processor.single.0.SpecialToken.id", ""),
      read<string>("post_processor.single.2.SpecialToken.id", ""),
      "[MASK]",
    ],
  };
}

function parseJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch (cause) {
    throw new TokenizerError("invalid_json", "tokenizer.json", "JSON", String(cause), { cause });
  }
}

/** The model's tokens and the added ones together: ids from 0 without holes, each for one token. */
function buildVocabulary(vocab: unknown, addedTokens: readonly AddedToken[]): Vocabulary {
  const entries: [string, unknown][] = Object.entries(Object(vocab) as object);
  for (const { content, id } of addedTokens) entries.push([content, id]);
  const ids = new Map<string, number>();
  const tokens: string[] = [];
  const refuseEntry = (got: string): never => {
    throw new TokenizerError("invalid_id", "tokenizer.json: model.vocab, added_tokens", "tokens with ids from 0, without holes", got);
  };
  for (const [token, value] of entries) {
    const id = value as number;
    // `tokens` is filled in any order, but never sparsely: an id beyond the number of tokens could only leave a hole.
    const isPossible = token !== "" && Number.isInteger(id) && id >= 0 && id < entries.length;
    if (!isPossible || (tokens[id] ?? token) !== token || (ids.get(token) ?? id) !== id) refuseEntry(JSON.stringify([token, value]));
    ids.set(token, id);
    tokens[id] = token;
  }
  const hole = [...tokens, undefined].indexOf(undefined);
  if (hole < (tokens.length || 1)) refuseEntry(`none for ${hole}`);
  return { tokens, ids };
}
