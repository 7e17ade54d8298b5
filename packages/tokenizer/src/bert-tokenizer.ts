/**
 * The tokenizer: texts to ids and back. Follows `tokenize` of cn_clip's `clip/utils.py` (flavour `cn_clip`) and transformers' fast
 * `BertTokenizer` (flavour `transformers`), in what a text becomes as in what the options default to.
 */
import { Tensor, type TypedTensor } from "onnxruntime-common";
import { type AddedToken, buildSplitAtTokens, type SplitAtTokens } from "./added-tokens.js";
import { checkOptions, reject } from "./argument-error.js";
import { buildCharacterTest, type Flavor } from "./character-class.js";
import { buildNormalize, resolveFinalSigma } from "./normalization.js";
import { buildMatchPieces, type MatchPieces } from "./piece-trie.js";
import { bertParts, parseTokenizerJson, type TokenizerParts } from "./tokenizer-json.js";
import { buildVocabulary, parseVocab, requireToken, type Vocabulary } from "./vocabulary.js";
import { joinTokens, type WordPieceDecoder } from "./word-piece-decoder.js";
import { buildEncodePlain, type EncodePlain, type Offset } from "./word-piece.js";

/** cn_clip's `context_length`. */
const CONTEXT_LENGTH = 52;
/** cn_clip's limit; in the flavour `transformers` it is the file's, or 100. */
const CN_CLIP_MAX_CHARS = 200;

/** Ids of a batch: 1.5 GB of tensors. `padding: "max_length"` makes as many of one text as it is told. */
const MAX_BATCH_IDS = 2 ** 26;
/** `model_max_length` is 1e30 in files that state no limit. */
const NO_LIMIT = 2 ** 31;

/** How to make a {@link BertTokenizer}. What is given here goes before what a `tokenizer.json` says. */
export interface BertTokenizerOptions {
  /** Whose ids to reproduce; `cn_clip` by default. */
  readonly flavor?: Flavor | undefined;
  /** Lower-case; true by default. */
  readonly doLowerCase?: boolean | undefined;
  /** Make each ideograph a word of its own; true by default. */
  readonly tokenizeChineseChars?: boolean | undefined;
  /** Drop accents; as `doLowerCase` by default and for null. */
  readonly stripAccents?: boolean | null | undefined;
  /** `model_max_length` of a `tokenizer_config.json`: what `maxLength` is if a call does not say; 2^31 and more mean none. By default 52 in `cn_clip`, none in `transformers`. */
  readonly modelMaxLength?: number | undefined;
  /** Pads rows; `[PAD]` by default. This and the four below must be in the vocabulary. */
  readonly padToken?: string | undefined;
  /** Stands for a word that the vocabulary cannot spell; `[UNK]` by default. */
  readonly unkToken?: string | undefined;
  /** Before a text; `[CLS]` by default. */
  readonly clsToken?: string | undefined;
  /** Behind a text; `[SEP]` by default. */
  readonly sepToken?: string | undefined;
  /** `[MASK]` by default. */
  readonly maskToken?: string | undefined;
  /** Tokens that are found before words are looked up, besides those of a `tokenizer.json`; their ids follow the vocabulary's, or are those of tokens in it. */
  readonly addedTokens?: readonly AddedToken[] | undefined;
}

/** Options of {@link BertTokenizer.encode}. */
export interface EncodeOptions {
  /** Cut to `maxLength`; by default true in the flavour `cn_clip` or if `maxLength` is given. */
  readonly truncation?: boolean | undefined;
  /** The largest number of ids, special ones included, from 2 (from 1 without special tokens). */
  readonly maxLength?: number | undefined;
  /** Put `[CLS]` before and `[SEP]` behind; true by default. A cut keeps both. */
  readonly addSpecialTokens?: boolean | undefined;
}

/** One text's ids. */
export interface Encoding {
  /** The ids, special ones included. */
  readonly ids: number[];
  /** For each id, the half-open range of UTF-16 units of the text that it came from; [0, 0) for `[CLS]` and `[SEP]`. */
  readonly offsets: Offset[];
  /** Whether something of the text was cut. */
  readonly truncated: boolean;
}

/** Options of {@link BertTokenizer.encodeBatch}. */
export interface EncodeBatchOptions {
  /** To the longest row (`true`, `"longest"`, the default), to `maxLength`, or not at all (`false`: the rows must then be equally long). */
  readonly padding?: boolean | "longest" | "max_length" | undefined;
  /** Cut to `maxLength`; by default true in the flavour `cn_clip`, or if `maxLength` is given and `padding` is not, as in transformers. */
  readonly truncation?: boolean | undefined;
  /** The largest number of ids in a row, special ones included, from 2; with `padding: "max_length"` the number of all rows. */
  readonly maxLength?: number | undefined;
  /** Put `[CLS]` before and `[SEP]` behind; true by default. */
  readonly addSpecialTokens?: boolean | undefined;
}

/** A model's text inputs: B rows of L ids, int64. */
export interface BatchEncoding {
  /** [B, L]; padded on the right by the id of `[PAD]`. */
  readonly inputIds: TypedTensor<"int64">;
  /** [B, L]; 1 for a token, 0 for padding. */
  readonly attentionMask: TypedTensor<"int64">;
  /** [B, L]; all 0. */
  readonly tokenTypeIds: TypedTensor<"int64">;
  /** B booleans: whether something of a text was cut. */
  readonly truncated: boolean[];
}

/** Chinese-CLIP's tokenizer. Immutable; make one by {@link BertTokenizer.fromVocab} or {@link BertTokenizer.fromTokenizerJson}. */
export class BertTokenizer {
  // Declared, not defined: the constructor sets them all, and an empty definition of each would be in every bundle.
  /** Whose ids this tokenizer reproduces. */
  declare readonly flavor: Flavor;
  /** What `maxLength` is if a call does not say; undefined for none. */
  declare readonly modelMaxLength: number | undefined;
  /** The id of `[PAD]`. */
  declare readonly padTokenId: number;
  /** The id of `[UNK]`, of words that the vocabulary cannot spell. */
  declare readonly unkTokenId: number;
  /** The id of `[CLS]`, before a text. */
  declare readonly clsTokenId: number;
  /** The id of `[SEP]`, behind a text. */
  declare readonly sepTokenId: number;
  /** The id of `[MASK]`. */
  declare readonly maskTokenId: number;
  readonly #vocabulary: Vocabulary;
  readonly #encodePlain: EncodePlain;
  readonly #decoder: WordPieceDecoder;
  readonly #specialIds: ReadonlySet<number>;
  readonly #split: SplitAtTokens;
  readonly #resolvesSigma: boolean;

  private constructor(parts: TokenizerParts, options: BertTokenizerOptions) {
    const { pieces, prefix } = parts;
    const addedTokens = [...parts.addedTokens, ...(options.addedTokens ?? [])];
    const vocabulary = buildVocabulary(pieces, addedTokens);
    const pieceIds = new Map(pieces as readonly (readonly [string, number])[]);
    const { flavor = "cn_clip" } = options;
    if (flavor !== "cn_clip" && flavor !== "transformers") reject("BertTokenizer", 'the flavor "cn_clip" or "transformers"', flavor);
    const rust = flavor === "transformers";
    const doLowerCase = options.doLowerCase ?? parts.doLowerCase;
    // As in transformers, accents follow lower-casing unless they are spoken of themselves.
    const stripAccents = options.stripAccents ?? options.doLowerCase ?? parts.stripAccents;
    const tokenizeChineseChars = options.tokenizeChineseChars ?? parts.tokenizeChineseChars;
    this.flavor = flavor;
    const limit = options.modelMaxLength ?? (rust ? NO_LIMIT : CONTEXT_LENGTH);
    this.modelMaxLength = limit < NO_LIMIT ? limit : undefined;
    for (const [i, name] of (["pad", "unk", "cls", "sep", "mask"] as const).entries()) {
      const content = options[`${name}Token`] ?? parts.specials[i]!;
      const id = requireToken(vocabulary, content);
      Object.assign(this, { [`${name}TokenId`]: id });
      // Behind the given ones, whose flags count.
      addedTokens.push({ content, id, special: true });
    }
    this.#vocabulary = vocabulary;
    this.#decoder = parts.decoder;
    this.#specialIds = new Set(addedTokens.flatMap(({ special, id }) => (special ? [id] : [])));
    this.#resolvesSigma = doLowerCase && !rust;
    const is = buildCharacterTest(flavor);
    const normalize = buildNormalize(is, { ...parts, tokenizeChineseChars, stripAccents, doLowerCase });
    const buildMatch = (): MatchPieces => buildMatchPieces(pieceIds, prefix);
    this.#encodePlain = buildEncodePlain(normalize, is, pieceIds, buildMatch, this.unkTokenId, rust ? parts.maxChars : CN_CLIP_MAX_CHARS);
    // To cn_clip the special tokens of its vocabulary are characters like others.
    const found = rust ? addedTokens : addedTokens.filter(({ special, content }) => !special || !pieceIds.has(content));
    this.#split = found.length > 0 ? buildSplitAtTokens(found, normalize) : (text) => [[0, text.length]];
  }

  /**
   * Makes a tokenizer from the text of a `vocab.txt`: one token a line, the line number from 0 is the id.
   * An empty line has an id, too, but is no token.
   * @throws TokenizerError a vocabulary that is empty, has a repeated token or lacks a special one
   * @throws TypeError | RangeError a wrong argument
   */
  static fromVocab(vocabText: string, options: BertTokenizerOptions = {}): BertTokenizer {
    if (typeof vocabText !== "string") reject("BertTokenizer.fromVocab", "a string", vocabText, TypeError);
    return new BertTokenizer({ ...bertParts, pieces: parseVocab(vocabText) }, options);
  }

  /**
   * Makes a tokenizer from a `tokenizer.json`, its text or its parsed value. In the flavour `cn_clip` its vocabulary, its
   * normalizer's switches and its added tokens count, but for special ones that are part of the vocabulary (cn_clip takes `[SEP]` in a text for
   * characters); the limit to a word's length is cn_clip's.
   * @throws TokenizerError what is no `tokenizer.json`, or that of another kind of tokenizer
   * @throws TypeError | RangeError a wrong option
   */
  static fromTokenizerJson(json: unknown, options: BertTokenizerOptions = {}): BertTokenizer {
    return new BertTokenizer(parseTokenizerJson(json), options);
  }

  /** The number of tokens, added ones included; ids are below it. */
  get vocabSize(): number {
    return this.#vocabulary.tokens.length;
  }

  /** Every token's id, added ones included. */
  get vocab(): ReadonlyMap<string, number> {
    return this.#vocabulary.ids;
  }

  /** The id of a token as it stands in the vocabulary, e.g. `"##s"`; undefined for none. */
  tokenToId(token: string): number | undefined {
    return this.#vocabulary.ids.get(token);
  }

  /** The token of an id; undefined for none. */
  idToToken(id: number): string | undefined {
    return this.#vocabulary.tokens[id];
  }

  /**
   * One text to ids.
   * @throws TypeError a text that is no string
   * @throws RangeError a `maxLength` too small, or truncation to no known length
   */
  encode(text: string, options: EncodeOptions = {}): Encoding {
    checkOptions("encode", options);
    const { maxLength, addSpecialTokens = true } = options;
    const truncation = options.truncation ?? (this.flavor === "cn_clip" || maxLength !== undefined);
    const limit = this.#limit(maxLength, truncation, addSpecialTokens ? 2 : 0);
    const offsets: Offset[] = [];
    const { ids, truncated } = this.#encode(text, limit, addSpecialTokens, offsets);
    return { ids, offsets, truncated };
  }

  /**
   * Several texts to the inputs of a model.
   * @throws TypeError texts that are no array of strings
   * @throws RangeError rows of unequal or excessive length that the options do not even out, or what {@link BertTokenizer.encode} throws
   */
  encodeBatch(texts: readonly string[], options: EncodeBatchOptions = {}): BatchEncoding {
    if (!Array.isArray(texts)) reject("encodeBatch", "an array of strings", texts, TypeError);
    checkOptions("encodeBatch", options);
    const { maxLength, padding = true, addSpecialTokens = true } = options;
    const isAsked = maxLength !== undefined && (options.padding ?? false) === false;
    const specials = addSpecialTokens ? 2 : 0;
    const limit = this.#limit(maxLength, options.truncation ?? (this.flavor === "cn_clip" || isAsked), specials);
    const rows = texts.map((text: string) => this.#encode(text, limit, addSpecialTokens, undefined));
    let length = rows.reduce((longest, { ids }) => Math.max(longest, ids.length), 0);
    if (padding === "max_length") length = this.#limit(maxLength, true, specials) + specials;
    else if (padding !== false && padding !== true && padding !== "longest") {
      reject("encodeBatch", 'padding true, false, "longest" or "max_length"', padding);
    }
    // Three tensors of 8 bytes an id are made.
    if (rows.length * length > MAX_BATCH_IDS) reject("encodeBatch", `a batch of at most ${MAX_BATCH_IDS} ids`, rows.length * length);
    for (const { ids } of rows) {
      if (ids.length > length || (padding === false && ids.length < length)) {
        reject("encodeBatch", `padding and truncation, or rows of ${length} ids`, ids.length);
      }
    }
    // Writes the low halves of the 64-bit values, without a BigInt for each: ONNX Runtime, too, runs on little-endian machines only.
    const build = (valueAt: (ids: readonly number[], i: number) => number): TypedTensor<"int64"> => {
      const data = new BigInt64Array(rows.length * length);
      const halves = new Int32Array(data.buffer);
      let at = 0;
      for (const { ids } of rows) for (let i = 0; i < length; i++, at += 2) halves[at] = valueAt(ids, i);
      return new Tensor("int64", data, [rows.length, length]);
    };
    return {
      inputIds: build((ids, i) => ids[i] ?? this.padTokenId),
      attentionMask: build((ids, i) => (i < ids.length ? 1 : 0)),
      tokenTypeIds: build(() => 0),
      truncated: rows.map(({ truncated }) => truncated),
    };
  }

  /**
   * Ids to a text, as transformers decodes: pieces of words joined, words separated by spaces (ideographs are words), a space before `. , ? !`
   * left out, ids beyond the vocabulary skipped. Takes a row of a tensor's data, too.
   * @throws TypeError | RangeError an id that is no integer, or negative
   */
  decode(
    ids: ArrayLike<number | bigint>,
    { skipSpecialTokens = false }: { readonly skipSpecialTokens?: boolean | undefined } = {},
  ): string {
    if (!Array.isArray(ids) && !ArrayBuffer.isView(ids)) reject("decode", "an array of ids", ids, TypeError);
    const tokens: string[] = [];
    for (let i = 0; i < ids.length; i++) {
      const id = Number(ids[i]);
      if (!Number.isInteger(id) || id < 0) reject("decode", "ids from 0", ids[i]);
      const token = this.#vocabulary.tokens[id];
      if (token !== undefined && !(skipSpecialTokens && this.#specialIds.has(id))) tokens.push(token);
    }
    return joinTokens(tokens, this.#decoder);
  }

  /**
   * Several rows of ids to texts, as {@link BertTokenizer.decode} does one: arrays, or the `inputIds` of a batch.
   * @throws TypeError | RangeError an id that is no integer, or negative
   */
  batchDecode(
    rows: Iterable<ArrayLike<number | bigint>> | TypedTensor<"int64">,
    options: { readonly skipSpecialTokens?: boolean | undefined } = {},
  ): string[] {
    if (!("dims" in rows)) return Array.from(rows, (ids) => this.decode(ids, options));
    const [count = 0, length = 0] = rows.dims;
    return Array.from({ length: count }, (_, i) => this.decode(rows.data.subarray(i * length, (i + 1) * length), options));
  }

  /** The number of ids that a text may have besides its special tokens. */
  #limit(maxLength: number | undefined, truncation: boolean, specials: number): number {
    if (maxLength === undefined && !truncation) return Infinity;
    const length = maxLength ?? this.modelMaxLength;
    const least = specials || 1;
    if (length === undefined || !Number.isInteger(length) || length < least) {
      return reject("encode", `a maxLength (or modelMaxLength) from ${least}`, length);
    }
    return truncation ? length - specials : Infinity;
  }

  #encode(text: string, limit: number, addSpecialTokens: boolean, offsets: Offset[] | undefined): { ids: number[]; truncated: boolean } {
    if (typeof text !== "string") reject("encode", "a string", text, TypeError);
    const plain = this.#resolvesSigma && text.includes("Σ") ? resolveFinalSigma(text) : text;
    const ids: number[] = [];
    if (addSpecialTokens) {
      ids.push(this.clsTokenId);
      offsets?.push([0, 0]);
    }
    const last = limit + ids.length;
    for (const [start, end, id] of this.#split(text)) {
      if (ids.length > last) break;
      if (id === undefined) this.#encodePlain(plain, start, end, last, ids, offsets);
      else {
        ids.push(id);
        offsets?.push([start, end]);
      }
    }
    const truncated = ids.length > last;
    if (truncated) {
      ids.length = last;
      offsets?.splice(last);
    }
    if (addSpecialTokens) {
      ids.push(this.sepTokenId);
      offsets?.push([0, 0]);
    }
    return { ids, truncated };
  }
}
