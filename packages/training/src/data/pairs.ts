/** Pairs of an image and a text, as they come from a source and as a run takes them. */

/** An image of a data set. */
export interface TrainingImage {
  /** What messages call it: its path, or its id in a file. */
  readonly name: string;
  /** What the decoder gets: a path or the encoded bytes. */
  read(): Promise<string | Uint8Array>;
}

/** An image and a text that says what it shows. One image may have several texts. */
export interface TrainingPair {
  /** The same object in each of its pairs. */
  readonly image: TrainingImage;
  /** The text. */
  readonly text: string;
}

/** Why a pair is left out: its text is empty, or cannot be read as UTF-8; its image is not there; or it is there twice. */
export type SkipReason = "empty-text" | "unreadable-text" | "missing-image" | "repeated";

/** A pair that was left out. */
export interface SkippedPair {
  /** What its source calls it. */
  readonly name: string;
  /** Why. */
  readonly reason: SkipReason;
}

/** What a source holds. */
export interface PairList {
  /** The source, for messages. */
  readonly name: string;
  /** In an order that is the same in every run. */
  readonly pairs: readonly TrainingPair[];
  /** What was left out. */
  readonly skipped: readonly SkippedPair[];
}

/** Leaves out what has no text, and what is there twice. */
export function usablePairs(name: string, found: readonly TrainingPair[], skipped: readonly SkippedPair[] = []): PairList {
  const seen = new Map<TrainingImage, Set<string>>();
  const pairs: TrainingPair[] = [];
  const others = [...skipped];
  for (const pair of found) {
    const { image } = pair;
    const text = pair.text.trim();
    const texts = seen.get(image) ?? new Set();
    seen.set(image, texts);
    if (text === "") others.push({ name: image.name, reason: "empty-text" });
    else if (texts.has(text)) others.push({ name: image.name, reason: "repeated" });
    else pairs.push({ image, text });
    texts.add(text);
  }
  return { name, pairs, skipped: others };
}
