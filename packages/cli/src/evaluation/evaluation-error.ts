/**
 * What can be wrong with the files of an evaluation. The message says where, what was expected and what to do; it is meant to be read as it is.
 */

import { type Bilingual, BilingualError, untranslated } from "../translation/translate.js";

/** Which kind of thing is wrong. */
export type EvaluationErrorCode =
  /** A file or folder that is not there or cannot be read. */
  | "missing"
  /** A file or folder with nothing in it. */
  | "empty"
  /** A line, or a whole file, that is not in its format. */
  | "malformed"
  /** An id that is no whole number. */
  | "invalid-id"
  /** An id that was there before. */
  | "duplicate-id"
  /** Features of different lengths, or not of this model. */
  | "dimension"
  /** Features of another model, though of the same length. */
  | "model"
  /** Labels that do not fit the folders. */
  | "labels"
  /** A template without a place for the label, or no such set of templates. */
  | "template"
  /** Pictures that cannot be read. */
  | "picture";

/** Files of an evaluation that cannot be used. */
export class EvaluationError extends BilingualError {
  override readonly name: string = "EvaluationError";
  readonly code: EvaluationErrorCode;
  /** The file or folder that it is about. */
  readonly file: string | undefined;
  /** The line in it, counted from 1. */
  readonly line: number | undefined;

  /** @param message - without the place; it is put in front. */
  constructor(
    code: EvaluationErrorCode,
    message: Bilingual,
    { file, line, cause }: { readonly file?: string | undefined; readonly line?: number | undefined; readonly cause?: unknown } = {},
  ) {
    const place: Bilingual =
      file === undefined
        ? untranslated("")
        : line === undefined
          ? { en: `${file}: `, zh: `${file}：` }
          : { en: `${file}, line ${line}: `, zh: `${file}，第 ${line} 行：` };
    super({ en: place.en + message.en, zh: place.zh + message.zh }, cause === undefined ? undefined : { cause });
    this.code = code;
    this.file = file;
    this.line = line;
  }
}
