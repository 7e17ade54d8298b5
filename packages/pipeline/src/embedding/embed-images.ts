/**
 * Images to embeddings as a stream: while one batch is in the model, the next is being decoded, and no more than that is in memory.
 */
import { Tensor } from "onnxruntime-common";
import { showValue } from "../show-value.js";
import type { ImagePreprocessor, ImagePreview, PreprocessedImage, PreviewOptions } from "../platform.js";
import { writeNormalizedRows } from "../vectors/normalize.js";
import { AbortScope } from "./abort-scope.js";
import { type IndexedInput, inputBatches } from "./input-batches.js";

/** Options of a stream of embeddings. */
export interface EmbedImagesOptions {
  /** Images that go through the model together, at most. Default 8: larger ones gain nothing on a CPU. */
  readonly batchSize?: number | undefined;
  /** Ends the stream early; it then throws the signal's reason. */
  readonly signal?: AbortSignal | undefined;
  /** What is made of each image beside its embedding, while it is decoded. A platform that makes none gives results without it. */
  readonly preview?: PreviewOptions | undefined;
  /** Called after every batch. */
  readonly onProgress?: ((progress: EmbedImagesProgress) => void) | undefined;
}

/** How far a stream of embeddings has come. */
export interface EmbedImagesProgress {
  /** Images done, with or without success. */
  readonly done: number;
  /** Images among them that could not be read. */
  readonly failed: number;
}

/** One input's result: its embedding (float32 `[E]`, L2 norm 1), or why there is none. `index` counts the inputs from 0. */
export type ImageEmbeddingResult<Input = unknown> =
  | {
      readonly index: number;
      readonly input: Input;
      readonly embedding: Float32Array;
      /** What {@link EmbedImagesOptions.preview} asked for, where the platform makes it. */
      readonly preview?: ImagePreview;
    }
  | { readonly index: number; readonly input: Input; readonly error: unknown };

/** Image tower of one batch: float32 `[B, 3, H, W]` -> features, float32 `[B, E]`. */
export type ImageTower = (pixelValues: Tensor) => Promise<Tensor>;

/** What the images of a stream go through. */
export interface ImageStages<Image> {
  readonly preprocessor: ImagePreprocessor<Image>;
  readonly imageTower: ImageTower;
}

type Decoded<Input> = { readonly index: number; readonly input: Input } & (
  | { readonly image: PreprocessedImage }
  | { readonly error: unknown }
);

/**
 * The embeddings of `inputs`, in their order.
 *
 * @param imageOf - an input's image.
 */
export async function* embedImages<Input, Image>(
  inputs: Iterable<Input> | AsyncIterable<Input>,
  imageOf: (input: Input) => Image,
  { preprocessor, imageTower }: ImageStages<Image>,
  { batchSize = 8, signal, preview, onProgress }: EmbedImagesOptions,
): AsyncGenerator<ImageEmbeddingResult<Input>, void, undefined> {
  checkStream(inputs);
  if (!(Number.isInteger(batchSize) && batchSize >= 1))
    throw new RangeError(`embedImages: expected a batchSize of at least 1, got ${showValue(batchSize)}`);
  const scope = new AbortScope(signal);
  const decode = async ({ index, input, image }: IndexedInput<Input, Image>): Promise<Decoded<Input>> => {
    try {
      return { index, input, image: await scope.run((own) => preprocessor.preprocess(image, { signal: own, preview })) };
    } catch (error) {
      return { index, input, error };
    }
  };

  let [done, failed] = [0, 0];
  let current: Promise<Batch<Input>> | undefined;
  const finish = async function* (pending: Promise<Batch<Input>>): AsyncGenerator<ImageEmbeddingResult<Input>, void, undefined> {
    const batch = await pending;
    scope.throwIfAborted();
    done += batch.results.length;
    failed += batch.failed;
    onProgress?.({ done, failed });
    yield* batch.results;
  };

  for await (const batch of inputBatches(inputs, imageOf, batchSize, scope)) {
    scope.throwIfAborted();
    const decoded = Promise.all(batch.map(decode));
    // The batch before is in the model while this one is decoded; only when it is out does this one go in.
    const previous = current;
    current = (async () => {
      const ready = await decoded;
      await previous?.catch(() => undefined);
      scope.throwIfAborted();
      return runBatch(ready, preprocessor, imageTower);
    })();
    current.catch(() => undefined); // it is awaited later; until then a failure is not an unhandled rejection
    if (previous !== undefined) yield* finish(previous);
  }
  if (current !== undefined) yield* finish(current);
}

/** A string and bytes are iterable as well: each character would be taken for a path, and each byte for an image. */
function checkStream(inputs: unknown): void {
  const isIterable =
    typeof inputs === "object" &&
    inputs !== null &&
    (Symbol.iterator in inputs || Symbol.asyncIterator in inputs) &&
    !ArrayBuffer.isView(inputs);
  if (!isIterable)
    throw new TypeError(`embedImages: expected an iterable of images, got ${showValue(inputs)}; for a single image use embedImage`);
}

interface Batch<Input> {
  readonly results: readonly ImageEmbeddingResult<Input>[];
  readonly failed: number;
}

async function runBatch<Input>(
  decoded: readonly Decoded<Input>[],
  preprocessor: Pick<ImagePreprocessor<never>, "recycle">,
  imageTower: ImageTower,
): Promise<Batch<Input>> {
  const images = decoded.flatMap((item) => ("image" in item ? [item.image] : []));
  const embeddings = images.length === 0 ? [] : await embed(images, preprocessor, imageTower);
  let next = 0;
  const results = decoded.map((item): ImageEmbeddingResult<Input> => {
    const { index, input } = item;
    if ("error" in item) return { index, input, error: item.error };
    const result = { index, input, embedding: embeddings[next++] as Float32Array };
    return item.image.preview === undefined ? result : { ...result, preview: item.image.preview };
  });
  return { results, failed: results.length - images.length };
}

async function embed(
  images: readonly PreprocessedImage[],
  preprocessor: Pick<ImagePreprocessor<never>, "recycle">,
  imageTower: ImageTower,
): Promise<Float32Array[]> {
  const [first] = images;
  if (first === undefined) return [];
  const size = first.pixelValues.length;
  const joined = new Float32Array(images.length * size);
  for (const [i, { pixelValues, dims }] of images.entries()) {
    if (dims.some((extent, axis) => extent !== first.dims[axis])) {
      throw new RangeError(`embedImages: expected images processed to one size, got [${first.dims.join(", ")}] and [${dims.join(", ")}]`);
    }
    joined.set(pixelValues, i * size);
  }
  for (const image of images) preprocessor.recycle?.(image);
  const { data, dims } = await imageTower(new Tensor("float32", joined, [images.length, ...first.dims]));
  const [rows = 0, dim = 0] = dims;
  const normalized = new Float32Array(rows * dim);
  writeNormalizedRows(
    data as Float32Array,
    normalized,
    images.map((_, row) => row),
  );
  return images.map((_, row) => normalized.slice(row * dim, (row + 1) * dim));
}
