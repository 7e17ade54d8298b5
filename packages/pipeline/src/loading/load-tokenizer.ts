/**
 * A model's tokenizer, from the files that transformers reads: `tokenizer.json` or `vocab.txt`, and the options beside them. The published
 * models have a vocabulary alone, so the options' parser loads with the first model that needs it.
 */
import { CheckpointError } from "@chinese-clip/model";
import { BertTokenizer, type BertTokenizerOptions } from "@chinese-clip/tokenizer";
import type { ModelFiles, PretrainedOptions } from "../platform.js";
import { ADDED_TOKENS_FILE, SPECIAL_TOKENS_FILE, TOKENIZER_CONFIG_FILE, TOKENIZER_FILE, VOCABULARY_FILE } from "./model-file-names.js";
import { readJson } from "./read-json.js";

/** RN50's release has no vocabulary, nor has what cn_clip's training writes. */
const VOCAB_HINT =
  "the published models share one vocabulary, so that of OFA-Sys/chinese-clip-vit-base-patch16 can be put beside the weights";

/**
 * Loads a model's tokenizer.
 *
 * @throws CheckpointError - `missing-file`: no vocabulary; `malformed`: a file of options; TokenizerError - a malformed vocabulary.
 */
export async function loadTokenizer(files: ModelFiles, { flavor }: PretrainedOptions): Promise<BertTokenizer> {
  const json = await readJson(files, TOKENIZER_CONFIG_FILE);
  if (json === undefined) return readVocabulary(files, { flavor });
  const { checkNamedTokens, hasAddedTokens, parseTokenizerConfig, withSpecialTokens } = await import("./tokenizer-config.js");
  // Versions of transformers that write no `added_tokens_decoder` read the special tokens from a file of their own.
  const map = hasAddedTokens(json) ? undefined : await readJson(files, SPECIAL_TOKENS_FILE);
  const { options, namedTokens } = parseTokenizerConfig(map === undefined ? json : withSpecialTokens(json, map), flavor);
  const tokenizer = await readVocabulary(files, { flavor, ...options });
  checkNamedTokens(namedTokens, tokenizer.vocab);
  return tokenizer;
}

async function readVocabulary(files: ModelFiles, options: BertTokenizerOptions): Promise<BertTokenizer> {
  const json = await files.readText(TOKENIZER_FILE);
  if (json !== undefined) return BertTokenizer.fromTokenizerJson(json, options);
  const vocab = await files.readText(VOCABULARY_FILE);
  if (vocab === undefined) {
    throw new CheckpointError("missing-file", `expected a file vocab.txt or tokenizer.json, got none; ${VOCAB_HINT}`, {
      file: VOCABULARY_FILE,
      source: files.source,
    });
  }
  if (/^\s*(?:<!doctype|<html|<\?xml|version https:\/\/git-lfs)/iu.test(vocab.slice(0, 200))) {
    const { describeText } = await import("./other-text.js");
    const what = (await describeText(VOCABULARY_FILE, vocab)) ?? "markup";
    throw new CheckpointError("malformed", `${VOCABULARY_FILE}: expected one token a line, got ${what}`, { file: VOCABULARY_FILE });
  }
  const added = await readJson(files, ADDED_TOKENS_FILE);
  if (added === undefined || added === null) return BertTokenizer.fromVocab(vocab, options);
  const { parseAddedTokens } = await import("./tokenizer-config.js");
  return BertTokenizer.fromVocab(vocab, { ...options, addedTokens: [...(options.addedTokens ?? []), ...parseAddedTokens(added)] });
}
