/**
 * What can be wrong with the data of an evaluation: one English sentence for each code, filled from `details`. Failures of a prediction file
 * are no errors but judgements, in cn_clip's words.
 */
import { type DatasetPlace, fillMessage, type MessageDetails, placed } from "@chinese-clip/dataset/formats";

/** English by code; `<name>` is the detail of that name. */
export const EVALUATION_MESSAGES = {
  "no-annotated-texts": 'no texts in it; expected lines such as {"text_id": 1, "text": "…", "image_ids": [2]}',
  "missing-image-ids": 'expected a field "image_ids" with a list of image ids ([] where they are unknown)',
  "invalid-image-id": 'expected integers in "image_ids", got <got>',
  "empty-label": "expected a label, got an empty line; the line's number is the class's",
  "label-count": "expected <expected> labels, one a line for the folders <classes> in this order, got <got>",
  "invalid-index": "expected a JSON list of row numbers, as [2, 0, 1]",
  "row-number": "expected row numbers below <rows>, the number of images, got <got> as item <item>; is it the index of this data set?",
  "mixed-models": "the images' features have <images> values and the texts' <texts>: they are of different models; embed both with one",
  "missing-retrieval-file": "expected <expected> in it; check the folder, or name another split with --split",
  "missing-retrieval-images": "expected <tsv> or <features> in it; check the folder, or name another split with --split",
  "unreadable-image": "cannot be read as an image (<reason>). Replace or remove it and run again",
  "unreadable-images": "cannot be read as an image (<reason>); also <others> (<count> in all). Replace or remove them and run again",
} as const;

/** Which kind of thing is wrong. */
export type EvaluationErrorCode = keyof typeof EVALUATION_MESSAGES;

/** What a code's sentence is filled with. */
export type EvaluationErrorDetails<Code extends EvaluationErrorCode = EvaluationErrorCode> = MessageDetails<
  (typeof EVALUATION_MESSAGES)[Code]
>;

/** Data of an evaluation that cannot be used. */
export class EvaluationError<Code extends EvaluationErrorCode = EvaluationErrorCode> extends Error {
  /** `"EvaluationError"`. */
  override readonly name: string = "EvaluationError";
  /** Which kind of fault, from a closed set. */
  readonly code: Code;
  /** The parts of the message as data, and the file and line that it is about. */
  readonly details: Readonly<Record<string, string | number | undefined>> & DatasetPlace;

  /** `details` are the sentence's and the place; the message begins with the place. */
  constructor(code: Code, details: EvaluationErrorDetails<Code> & DatasetPlace, options?: ErrorOptions) {
    super(placed(details, fillMessage(EVALUATION_MESSAGES[code], details)), options);
    this.code = code;
    this.details = details;
  }
}
