/**
 * What can go wrong in training: one English sentence for each code, filled from `details`.
 */
import { type DatasetPlace, fillMessage, type MessageDetails, placed } from "@chinese-clip/dataset/formats";

/** English by code; `<name>` is the detail of that name. */
export const TRAINING_MESSAGES = {
  "loss-not-finite":
    "step <step>: the loss is <loss> for a batch of <pairs> pairs (<batch>). The weights of step <before> are saved; try a lower learning rate, a longer warm-up or other pairs",
  "gradient-not-finite":
    "step <step>: a gradient is not finite for a batch of <pairs> pairs (<batch>). The weights of step <before> are saved; try a lower learning rate or a longer warm-up",
  "not-enough-memory":
    "a step of <batch> pairs takes at least <needed> MB, and <available> MB are free for it. A batch of <fittingBatch> in chunks of <fittingChunk>, block by block, would fit in <fittingMemory> MB",
  "no-batch-fits":
    "a step takes at least <needed> MB whatever its batch, and <available> MB are free for it: parameters, gradients and moments alone take <parameters> MB. Freeze a tower, or use a smaller model",
  "too-few-pairs": "expected at least 2 pairs of an image and a text, got <count> (<skipped> skipped); a contrast needs two",
  "no-images-found": "none of the <count> images is where it says, such as <name>; paths are relative to the folder of the list",
  "one-text": "expected at least 2 different texts, got <text> for every image; each text should say what its own image shows",
  "too-few-classes": "expected at least 2 classes, got <count>; a classifier tells classes apart",
  "invalid-class-name": "expected a class's name of 1 to <maximum> characters, got <name>",
  "repeated-class": "expected each class once, got <name> twice",
  "no-examples": "the class <name> has no image that can be used (<skipped> skipped); add some, or remove the class",
  "unreadable-image":
    "cannot be read as an image (<reason>). Replace it and run again; without it, the run has other pairs and needs another folder",
  "missing-column": "expected a column <expected> in the first line, got <got>",
  "unterminated-quote": "expected the quoted field to end before the file does",
  "invalid-pair": 'expected a JSON object with "image" and "text", both strings, got <got>',
  "foreign-output": "has a model that no training run wrote; name another folder, or an empty one",
  "other-settings": "was created with <option> <recorded>; this run has <current>. Use <recorded> again, or name another folder",
  "damaged-state": "expected the state of a run (<reason>); remove it to start again",
} as const;

/** What went wrong. */
export type TrainingErrorCode = keyof typeof TRAINING_MESSAGES;

/** What a code's sentence is filled with. */
export type TrainingErrorDetails<Code extends TrainingErrorCode = TrainingErrorCode> = MessageDetails<(typeof TRAINING_MESSAGES)[Code]>;

/** Training that cannot begin or go on. */
export class TrainingError<Code extends TrainingErrorCode = TrainingErrorCode> extends Error {
  /** `"TrainingError"`. */
  override readonly name: string = "TrainingError";
  /** What went wrong, from a closed set. */
  readonly code: Code;
  /** The parts of the message as data, and the file and line that it is about. */
  readonly details: Readonly<Record<string, string | number | undefined>> & DatasetPlace;

  /** `details` are the sentence's and the place; the message begins with the place. */
  constructor(code: Code, details: TrainingErrorDetails<Code> & DatasetPlace, options?: ErrorOptions) {
    super(placed(details, fillMessage(TRAINING_MESSAGES[code], details)), options);
    this.code = code;
    this.details = details;
  }
}
