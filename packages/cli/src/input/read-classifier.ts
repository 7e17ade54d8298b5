/** A few-shot classifier's file. */
import { createReadStream } from "node:fs";
import { missingFile } from "@chinese-clip/dataset";
import { CLASSIFIER_LIMITS, ClassifierError, type ImageClassifier, parseClassifier } from "@chinese-clip/pipeline/classifier";

/** Bytes that are read at most: a character of a label may have three, all else is ASCII. */
const MAX_BYTES = 2 * CLASSIFIER_LIMITS.characters;

/**
 * Reads a classifier.
 *
 * @throws ClassifierError - what it is instead; DatasetError - `no-such-file` and its like.
 */
export async function readClassifier(file: string): Promise<ImageClassifier> {
  return parseClassifier(await readBounded(file), file);
}

async function readBounded(file: string): Promise<string> {
  const chunks: Uint8Array[] = [];
  let bytes = 0;
  try {
    // A device or a pipe says nothing of its size: the end is ours.
    for await (const chunk of createReadStream(file, { end: MAX_BYTES, highWaterMark: 1 << 20 })) {
      chunks.push(chunk as Uint8Array);
      bytes += (chunk as Uint8Array).length;
    }
  } catch (error) {
    throw missingFile(file, error);
  }
  if (bytes <= MAX_BYTES) return new TextDecoder().decode(Buffer.concat(chunks));
  throw new ClassifierError("too-large", `expected a classifier of at most ${MAX_BYTES} bytes, got more`, { file, expected: MAX_BYTES });
}
