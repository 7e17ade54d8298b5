/** A classifier that cannot be used: its file, or the model that it is used with. */

/** What is wrong, from a closed set. */
export type ClassifierErrorCode =
  /** No JSON. */
  | "not-json"
  /** JSON of something else. */
  | "not-a-classifier"
  /** Written by a later version. */
  | "unsupported-version"
  /** A field that is missing or not what it should be. */
  | "invalid-field"
  /** More bytes than a classifier has. */
  | "too-large"
  /** Fitted on the embeddings of another model. */
  | "other-model";

/** What the message is made of. */
export interface ClassifierErrorDetails {
  /** The file's name, as the caller gave it. */
  readonly file?: string | undefined;
  /** The field's path, such as `model.probe`. */
  readonly field?: string | undefined;
  readonly expected?: string | number | undefined;
  /** What is there, shortened. */
  readonly got?: string | number | undefined;
}

/** A classifier that cannot be used. */
export class ClassifierError extends Error {
  /** `"ClassifierError"`. */
  override readonly name: string = "ClassifierError";
  /** What is wrong. */
  readonly code: ClassifierErrorCode;
  /** The parts of the message as data. */
  readonly details: ClassifierErrorDetails;

  /** @param message - without the file of `details`, which is put in front of it. */
  constructor(code: ClassifierErrorCode, message: string, details: ClassifierErrorDetails = {}, options?: ErrorOptions) {
    super(details.file === undefined ? message : `${details.file}: ${message}`, options);
    this.code = code;
    this.details = details;
  }
}
