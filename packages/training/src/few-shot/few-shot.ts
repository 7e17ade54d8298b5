/**
 * A classifier of a few images of each class: images are embedded, what cannot teach anything is skipped and counted, a head is fitted.
 */
import type { Embedder } from "@chinese-clip/pipeline";
import { type ClassifierMethod, describeModel, type ImageClassifier } from "@chinese-clip/pipeline/classifier";
import { embedClasses } from "@chinese-clip/pipeline/zero-shot";
import { TrainingError } from "../training-error.js";
import type { FewShotExamples } from "./examples.js";
import { findRepeated } from "./repeated-examples.js";
import { type MethodScore, selectHead } from "./select-head.js";

/** A class and its examples. */
export interface FewShotClass<Image> {
  /** Its name, in Chinese as the model reads it. */
  readonly label: string;
  /** Images, or their embeddings where they are cached. Their order decides which of them are held out together. */
  readonly examples: readonly (Image | Float32Array)[];
}

/** Options of {@link fewShot}. */
export interface FewShotOptions<Image> {
  /** What embeds images and names; a `ChineseCLIP` is one. */
  readonly embedder: Embedder<Image>;
  /** At least two. */
  readonly classes: readonly FewShotClass<Image>[];
  /** Default `auto`: the one that cross-validation likes best. */
  readonly method?: ClassifierMethod | "auto" | undefined;
  /** Sentences in which `{}` marks the name, whose embeddings are averaged. Default: the name alone. */
  readonly templates?: readonly string[] | undefined;
  /** The model's `logitScale`. Default 100, the published models'. */
  readonly logitScale?: number | undefined;
  /** The L2 regularisation of `linear`. Default: chosen by cross-validation. */
  readonly regularization?: number | undefined;
  /** Told how far images are embedded, then how far the fit is. */
  readonly onProgress?: ((step: "images" | "fit", done: number, total: number) => void) | undefined;
  /** Gives up; the promise then rejects with the signal's reason. */
  readonly signal?: AbortSignal | undefined;
}

/** An example that is not used. */
export interface SkippedExample {
  /** Its class. */
  readonly label: string;
  /** Its place among the class's examples. */
  readonly index: number;
  /** It cannot be read; the class has it already; another class has the same image, and neither's is used. */
  readonly reason: "unreadable" | "repeated" | "in-two-classes";
  /** Why it cannot be read. */
  readonly error?: unknown;
}

/** A classifier, and what is known of it. */
export interface FewShotResult {
  /** For `ChineseCLIP.classify`, and `formatClassifier` of `@chinese-clip/pipeline/classifier`. */
  readonly classifier: ImageClassifier;
  /** Examples that were used, by class. */
  readonly counts: readonly number[];
  /** Examples that were not. */
  readonly skipped: readonly SkippedExample[];
  /** In how many turns examples were held out; 0: each class has a single example, so that nothing could be measured. */
  readonly folds: number;
  /** What cross-validation found: zero-shot, and each method that was tried. */
  readonly validation: readonly MethodScore[];
}

/** Characters of a class's name: as many as a classifier's file may have. */
const MAX_NAME = 200;

/**
 * Makes a classifier. The same examples in the same order give the same one.
 *
 * @throws TrainingError - `too-few-classes`, `invalid-class-name`, `repeated-class`, `no-examples`; what the model throws; the signal's reason.
 */
export async function fewShot<Image>(options: FewShotOptions<Image>): Promise<FewShotResult> {
  const { embedder, classes, method = "auto", templates = ["{}"], logitScale, regularization, onProgress, signal } = options;
  signal?.throwIfAborted();
  checkNames(classes.map(({ label }) => label));
  const { examples, skipped } = await embedExamples(options);
  const names = classes.map(({ label }) => label);
  const texts =
    method === "linear" ? undefined : (await embedClasses(names, templates, (list) => embedder.embedText(list, { signal }))).data;
  const { head, folds, validation } = await selectHead(examples, {
    method,
    texts,
    scale: logitScale,
    regularization,
    signal,
    onProgress: onProgress === undefined ? undefined : (done, total) => onProgress("fit", done, total),
  });
  // The probe is encoded bytes, which every platform's images may be.
  const model = await describeModel(embedder, { signal });
  const counts = names.map((_, label) => examples.labels.filter((one) => one === label).length);
  return { classifier: { model, head }, counts, skipped, folds, validation };
}

/** @throws TrainingError - names that no classifier can have. */
function checkNames(names: readonly string[]): void {
  if (names.length < 2) throw new TrainingError("too-few-classes", { count: names.length });
  const seen = new Set<string>();
  for (const name of names) {
    if (name.trim() === "" || name.length > MAX_NAME)
      throw new TrainingError("invalid-class-name", { name: shownName(name), maximum: MAX_NAME });
    if (seen.has(name)) throw new TrainingError("repeated-class", { name: shownName(name) });
    seen.add(name);
  }
}

/** Embeds what is an image, and leaves out what cannot teach anything. */
async function embedExamples<Image>({
  embedder,
  classes,
  onProgress,
  signal,
}: FewShotOptions<Image>): Promise<{ readonly examples: FewShotExamples; readonly skipped: readonly SkippedExample[] }> {
  const { dim } = embedder;
  const all = classes.flatMap(({ label, examples }, target) => examples.map((example, index) => ({ label, target, index, example })));
  const embeddings: (Float32Array | undefined)[] = all.map(({ example }) => (example instanceof Float32Array ? example : undefined));
  const wrong = embeddings.find((embedding) => embedding !== undefined && embedding.length !== dim);
  if (wrong !== undefined) throw new RangeError(`fewShot: expected embeddings of ${dim} values, got ${wrong.length}`);
  const skipped: SkippedExample[] = [];
  const images = all.flatMap(({ example }, place) => (example instanceof Float32Array ? [] : [{ place, image: example }]));
  let done = 0;
  for await (const result of embedder.embedImages(
    images.map(({ image }) => image),
    { signal },
  )) {
    const place = images[result.index]!.place;
    const { label, index } = all[place]!;
    if ("error" in result) skipped.push({ label, index, reason: "unreadable", error: result.error });
    else embeddings[place] = new Float32Array(result.embedding);
    onProgress?.("images", ++done, images.length);
  }
  const read = all.flatMap((one, place) => {
    const embedding = embeddings[place];
    return embedding === undefined ? [] : [{ ...one, embedding }];
  });
  const repeated = findRepeated(
    read.map(({ embedding }) => embedding),
    read.map(({ target }) => target),
  );
  for (const [row, reason] of repeated) skipped.push({ label: read[row]!.label, index: read[row]!.index, reason });
  const used = read.filter((_, row) => !repeated.has(row));
  for (const [target, { label, examples }] of classes.entries()) {
    if (used.every((one) => one.target !== target))
      throw new TrainingError("no-examples", { name: shownName(label), skipped: examples.length });
  }
  const features = new Float32Array(used.length * dim);
  for (const [row, { embedding }] of used.entries()) features.set(embedding, row * dim);
  const labels = used.map(({ target }) => target);
  return { examples: { features, dim, labels, classes: classes.map(({ label }) => label) }, skipped };
}

/** A name in a message: one line, and not all of it. */
function shownName(name: string): string {
  return JSON.stringify(name.length > 60 ? `${name.slice(0, 59)}…` : name);
}
