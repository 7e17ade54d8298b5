/** What is wrong with a list of templates. */
export type TemplateErrorCode =
  /** No templates in it. */
  | "no-templates"
  /** A template without a place for the label. */
  | "no-placeholder"
  /** Something other than strings in a list. */
  | "not-strings";

/** Where it is, and what was found there. */
export interface TemplateErrorDetails {
  /** The file's name, as the caller gave it. */
  readonly file?: string | undefined;
  /** The line, counted from 1. */
  readonly line?: number | undefined;
  /** What stands there, shortened. */
  readonly got?: string | undefined;
}

/** A list of templates that cannot be used. */
export class TemplateError extends Error {
  /** `"TemplateError"`. */
  override readonly name: string = "TemplateError";
  /** What is wrong. */
  readonly code: TemplateErrorCode;
  /** Where, and what was found there. */
  readonly details: TemplateErrorDetails;

  /** @param message - without the file and the line of `details`, which are put in front of it. */
  constructor(code: TemplateErrorCode, message: string, details: TemplateErrorDetails = {}) {
    const { file, line } = details;
    const place = [file, line === undefined ? undefined : `line ${line}`].filter((part) => part !== undefined).join(", ");
    super(place === "" ? message : `${place}: ${message}`);
    this.code = code;
    this.details = details;
  }
}
