/**
 * A classifier with the model that it was fitted on. A fingerprint tells models apart on one platform; between Node and a browser, and between
 * dtypes, the embedding of one small image does: the same weights give nearly the same one everywhere.
 */
import type { Embedder } from "../embedding/embedder.js";
import type { Embeddings } from "../embedding/embeddings.js";
import { cosine } from "../vectors/products.js";
import { ClassifierError } from "./classifier-error.js";
import { type ClassifierHead, classifyEmbedding, type ClassScore } from "./head.js";

/** Which model a classifier is for. */
export interface ClassifierModel {
  /** The model's {@link Embedder.fingerprint}. */
  readonly fingerprint: string;
  /** float32, `dim` values: its embedding of {@link probeImage}. */
  readonly probe: Float32Array;
}

/** A classifier of images by a few examples of each class. `@chinese-clip/training/few-shot` fits one. */
export interface ImageClassifier {
  /** The model whose embeddings it is for. */
  readonly model: ClassifierModel;
  /** What it computes on them. */
  readonly head: ClassifierHead;
}

/**
 * Smallest cosine of two embeddings of the probe by the same weights. The demo checkpoint's in q4 has 0.9994 to that in fp32, in q8 0.99997; two models
 * have nothing in common.
 */
const SAME_MODEL = 0.9;

/** A PNG of 32 x 32 pixels: a disc, a bar, two grounds. It is part of the file format: never change it. */
const PROBE_PNG =
  "iVBORw0KGgoAAAANSUhEUgAAACAAAAAgCAIAAAD8GO2jAAAACXBIWXMAAAPoAAAD6AG1e1JrAAAAVklEQVRIx2P48GABSWjBhQ0kIYZRC0YtwGbBBQMNTEQdC7Aajd8aBiqajtWOQWMBkaZj2jFqwagF9LNg6Gc0epRF9ChNB32FoxFBHTRqwagFoxagWgAAW6FiAtGXyjoAAAAASUVORK5CYII=";

/** What embeds images: an {@link Embedder} whose images may be encoded bytes. */
export type ProbeEmbedder = Pick<Embedder<Uint8Array<ArrayBuffer>>, "dim" | "fingerprint" | "embedImages">;

/** The bytes of the image that tells models apart. */
export function probeImage(): Uint8Array<ArrayBuffer> {
  return Uint8Array.from(atob(PROBE_PNG), (character) => character.charCodeAt(0));
}

/** What a classifier records of a model. @throws what embedding throws; the signal's reason. */
export async function describeModel(
  embedder: ProbeEmbedder,
  options: { readonly signal?: AbortSignal | undefined } = {},
): Promise<ClassifierModel> {
  for await (const result of embedder.embedImages([probeImage()], options)) {
    if ("error" in result) throw result.error;
    return { fingerprint: embedder.fingerprint, probe: new Float32Array(result.embedding) };
  }
  throw new TypeError("describeModel: expected an embedding, got none");
}

/**
 * Makes sure that a classifier is of a model. Embeds one small image, unless the fingerprints are equal.
 *
 * @throws ClassifierError - `other-model`; what embedding throws; the signal's reason.
 */
export async function checkClassifierModel(
  { model, head }: ImageClassifier,
  embedder: ProbeEmbedder,
  options: { readonly signal?: AbortSignal | undefined } = {},
): Promise<void> {
  if (head.dim === embedder.dim) {
    if (model.fingerprint === embedder.fingerprint) return;
    const { probe } = await describeModel(embedder, options);
    if (cosine(model.probe, probe) >= SAME_MODEL) return;
  }
  throw new ClassifierError(
    "other-model",
    `the classifier was fitted with another model (${model.fingerprint}, ${head.dim} values) than this one (${embedder.fingerprint}, ${embedder.dim} values); use that model, or fit it again`,
    { expected: model.fingerprint, got: embedder.fingerprint },
  );
}

/** Classifiers that were compared with a model, by the model. */
const compared: WeakMap<object, WeakSet<ImageClassifier>> = new WeakMap();

/**
 * Classes of an image or several by a classifier. The first time that a model meets a classifier, they are compared.
 *
 * @returns one list for each image, best class first.
 * @throws ClassifierError - `other-model`; what embedding throws; the signal's reason.
 */
export async function scoreImages<ImageInput>(
  // Every platform's images may be encoded bytes, which the probe is.
  clip: ProbeEmbedder & {
    embedImage(image: ImageInput | readonly ImageInput[], options: { readonly signal?: AbortSignal | undefined }): Promise<Embeddings>;
  },
  image: ImageInput | readonly ImageInput[],
  classifier: ImageClassifier,
  options: { readonly signal?: AbortSignal | undefined } = {},
): Promise<ClassScore[][]> {
  const known = compared.get(clip) ?? new WeakSet();
  if (!known.has(classifier)) await checkClassifierModel(classifier, clip, options);
  compared.set(clip, known.add(classifier));
  const { data, count, dim } = await clip.embedImage(image, options);
  return Array.from({ length: count }, (_, row) => classifyEmbedding(classifier.head, data.subarray(row * dim, (row + 1) * dim)));
}
