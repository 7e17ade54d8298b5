/** A few-shot classifier's file. */
import { readText } from "@chinese-clip/dataset";
import { CLASSIFIER_LIMITS, type ImageClassifier, parseClassifier } from "@chinese-clip/pipeline/classifier";

/** Bytes that are read at most: a character of a label may have three, all else is ASCII. */
const MAX_BYTES = 2 * CLASSIFIER_LIMITS.characters;

/**
 * Reads a classifier.
 *
 * @throws ClassifierError - what it is instead; DatasetError - `no-such-file` and its like, `not-utf8`.
 */
export async function readClassifier(file: string): Promise<ImageClassifier> {
  return parseClassifier(await readText(file, MAX_BYTES), file);
}
