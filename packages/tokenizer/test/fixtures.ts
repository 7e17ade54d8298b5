/** The vocabularies and golden lines that several tests share. */
import { existsSync, readFileSync } from "node:fs";
import { fileURLToPath } from "node:url";

const root = new URL("../../../", import.meta.url);

/** One golden line; `offsets` are in code points. */
export interface GoldenCase {
  readonly text: string;
  readonly cn_clip: number[];
  readonly hf: number[];
  readonly offsets: [number, number][];
}

export function readCases(name: string): GoldenCase[] {
  const text = readFileSync(new URL(`fixtures/tokenizer/${name}`, root), "utf8");
  return text
    .split("\n")
    .filter((line) => line !== "")
    .map((line) => JSON.parse(line) as GoldenCase);
}

type Section = Record<string, unknown>;

export interface TokenizerJson extends Record<string, unknown> {
  truncation: Section;
  padding: Section;
  added_tokens: Section[];
  normalizer: Section;
  pre_tokenizer: Section;
  post_processor: Section;
  decoder: Section;
  model: Section & { vocab: Record<string, unknown> };
}

/** The vocabulary of the demo checkpoint, 231 tokens. */
export const demoVocab: string = readFileSync(new URL("examples/demo-checkpoint/vocab.txt", root), "utf8");

const realVocabPath = process.env["CHINESE_CLIP_VOCAB"] ?? fileURLToPath(new URL("../shared/golden/tokenizer/vocab.txt", root));

/** Chinese-CLIP's vocabulary, which is not part of this repository; undefined where it is not at hand. */
export const realVocab: string | undefined = existsSync(realVocabPath) ? readFileSync(realVocabPath, "utf8") : undefined;

/** The parsed `tokenizer.json` of the demo vocabulary, fresh for each call, so that a test may change it. */
export function demoTokenizerJson(): TokenizerJson {
  const tokens = demoVocab.trimEnd().split("\n");
  const flags = { special: true, normalized: false, single_word: false, lstrip: false, rstrip: false };
  return {
    truncation: { direction: "Right", max_length: 52, strategy: "LongestFirst", stride: 0 },
    padding: { strategy: "BatchLongest", direction: "Right", pad_to_multiple_of: null, pad_id: 0, pad_type_id: 0, pad_token: "[PAD]" },
    added_tokens: ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]"].map((content) => ({ id: tokens.indexOf(content), content, ...flags })),
    normalizer: { type: "BertNormalizer", clean_text: true, handle_chinese_chars: true, strip_accents: null, lowercase: true },
    pre_tokenizer: { type: "BertPreTokenizer" },
    post_processor: {
      type: "TemplateProcessing",
      single: [
        { SpecialToken: { id: "[CLS]", type_id: 0 } },
        { Sequence: { id: "A", type_id: 0 } },
        { SpecialToken: { id: "[SEP]", type_id: 0 } },
      ],
    },
    decoder: { type: "WordPiece", prefix: "##", cleanup: true },
    model: {
      type: "WordPiece",
      unk_token: "[UNK]",
      continuing_subword_prefix: "##",
      max_input_chars_per_word: 100,
      vocab: Object.fromEntries(tokens.map((token, id) => [token, id])),
    },
  };
}
