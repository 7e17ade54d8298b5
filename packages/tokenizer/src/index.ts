export type { AddedToken } from "./added-tokens.js";
export { BertTokenizer } from "./bert-tokenizer.js";
export type { BatchEncoding, BertTokenizerOptions, EncodeBatchOptions, EncodeOptions, Encoding } from "./bert-tokenizer.js";
export type { Flavor } from "./character-class.js";
export { preprocessEvalText } from "./eval-text.js";
export { TokenizerError } from "./tokenizer-error.js";
export type { TokenizerErrorCode, TokenizerErrorDetails } from "./tokenizer-error.js";
export type { Offset } from "./word-piece.js";
