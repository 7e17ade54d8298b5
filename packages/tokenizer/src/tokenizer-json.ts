/**
 * Reads a `tokenizer.json` of Hugging Face's `tokenizers`, as far as it describes BERT's WordPiece; what it describes otherwise is
 * rejected, not approximated. Without a post-processor or a decoder it gets BERT's, as in transformers 5. The sections `truncation` and `padding` hold no defaults for transformers, whose calls
 * override both; only a direction other than to the right would have an effect, and is rejected.
 */
import type { AddedToken } from "./added-tokens.js";
import type { NormalizationOptions } from "./normalization.js";
import { showText, showValue } from "./show-value.js";
import { TokenizerError, type TokenizerErrorCode } from "./tokenizer-error.js";
import type { VocabularyEntry } from "./vocabulary.js";
import type { WordPieceDecoder } from "./word-piece-decoder.js";

/** What a tokenizer is made of, whatever file it came from. */
export interface TokenizerParts extends NormalizationOptions {
  /** The tokens that words are made of. */
  readonly pieces: readonly VocabularyEntry[];
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

/** Reads a field by its dotted path: a value of the fallback's type; an empty string is none. Errors name the path. */
type ReadField = <T extends string | boolean | number>(path: string, fallback: T) => T;

function valueAt(root: unknown, path: string): unknown {
  let value = root as Json;
  for (const key of path.split(".")) value = value?.[key];
  return value;
}

function fail(root: unknown, path: string, expected: string, code: TokenizerErrorCode = "invalid_field"): never {
  throw new TokenizerError(code, `tokenizer.json: ${path}`, expected, showValue(valueAt(root, path)));
}

/** A component, taken out of a `Sequence` of one. */
function unwrap(component: unknown): Json {
  const record = component as Json;
  const list: unknown = valueAt(record, "type") === "Sequence" && Object.values(record ?? {}).find(Array.isArray);
  return Array.isArray(list) && list.length === 1 ? (list[0] as Json) : record;
}

/**
 * Reads the text or the parsed value of a `tokenizer.json`.
 * @throws TokenizerError `invalid_json`, `invalid_field`, `invalid_id`, `unsupported`
 */
export function parseTokenizerJson(json: unknown): TokenizerParts {
  const file = (typeof json === "string" ? parseJson(json) : json) as Json;
  const components = ["normalizer", "pre_tokenizer", "post_processor", "decoder"].map((name) => [name, unwrap(file?.[name])] as const);
  const root = { ...file, ...Object.fromEntries(components) };
  const read: ReadField = (path, fallback) => {
    const value = valueAt(root, path) ?? fallback;
    return typeof value === typeof fallback && value !== "" ? (value as typeof fallback) : fail(root, path, `a ${typeof fallback}`);
  };
  /** Rejects another kind of component than the one this package implements. */
  const only = (path: string, supported: unknown, fallback?: unknown): void => {
    if ((valueAt(root, path) ?? fallback) !== supported) fail(root, path, showValue(supported), "unsupported");
  };
  // Files of older versions do not name the model's type.
  only("model.type", "WordPiece", "WordPiece");
  only("normalizer.type", "BertNormalizer");
  only("pre_tokenizer.type", "BertPreTokenizer");
  const hasTemplate = root["post_processor"] != null && valueAt(root, "post_processor.type") !== "BertProcessing";
  if (hasTemplate) {
    only("post_processor.type", "TemplateProcessing");
    only("post_processor.single.length", 3);
    only("post_processor.single.1.Sequence.type_id", 0, 0);
  }
  for (const path of ["truncation.direction", "padding.direction"]) only(path, "Right", "Right");
  only("decoder.type", "WordPiece", "WordPiece");
  const maxChars = read<number>("model.max_input_chars_per_word", 100);
  if (!(maxChars >= 1 && maxChars <= MAX_MAX_CHARS)) fail(root, "model.max_input_chars_per_word", `1 to ${MAX_MAX_CHARS}`);
  const items = valueAt(root, "added_tokens") ?? [];
  if (!Array.isArray(items)) return fail(root, "added_tokens", "an array");
  const addedTokens = items.map((_, i): AddedToken => {
    const path = `added_tokens.${i}.`;
    return {
      id: read<number>(`${path}id`, -1),
      content: read<string>(`${path}content`, ""),
      special: read<boolean>(`${path}special`, false),
      normalized: read<boolean>(`${path}normalized`, true),
      singleWord: read<boolean>(`${path}single_word`, false),
      lstrip: read<boolean>(`${path}lstrip`, false),
      rstrip: read<boolean>(`${path}rstrip`, false),
    };
  });
  const vocab = valueAt(root, "model.vocab");
  if (typeof vocab !== "object" || vocab === null || Array.isArray(vocab)) fail(root, "model.vocab", "an object");
  /** The token at an edge; an id that is stated beside it has to be the vocabulary's. */
  const readEdge = (index: number, name: string): string => {
    const token = hasTemplate
      ? read(`post_processor.single.${index}.SpecialToken.id`, "")
      : read(`post_processor.${name}.0`, `[${name.toUpperCase()}]`);
    const path = `post_processor.${hasTemplate ? `special_tokens.${token}.ids.0` : `${name}.1`}`;
    const id = valueAt(vocab, token) ?? valueAt(root, path);
    only(path, id, id);
    return token;
  };
  const doLowerCase = read<boolean>("normalizer.lowercase", true);
  return {
    pieces: Object.entries(Object(vocab) as object),
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
      readEdge(0, "cls"),
      readEdge(2, "sep"),
      "[MASK]",
    ],
  };
}

/** What a `tokenizer.json` without any setting describes, but for the vocabulary. */
export const bertParts: TokenizerParts = /* @__PURE__ */ parseTokenizerJson({
  normalizer: { type: "BertNormalizer" },
  pre_tokenizer: { type: "BertPreTokenizer" },
  model: { vocab: {} },
});

function parseJson(text: string): unknown {
  try {
    return JSON.parse(text.replace(/^\uFEFF/, ""));
  } catch (cause) {
    throw new TokenizerError("invalid_json", "tokenizer.json", "JSON", showText(String(cause), 200), { cause });
  }
}
