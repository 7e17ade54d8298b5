/**
 * Pictures to embeddings as a stream: while one batch is in the model, the next is being decoded, and no more than that is in memory. Pictures
 * that come as bytes are bounded by these as well.
 */
import { Tensor } from "onnxruntime-common";
import { writeNormalizedRows } from "./embeddings.js";
import type { ImagePreprocessor, PreprocessedImage } from "./platform.js";

/** A batch of pictures that come as bytes or pixels ends at so many of them, however few pictures they are. */
const BATCH_BYTES = 64 * 2 ** 20;

/** Options of a stream of embeddings. */
export interface EmbedImagesOptions {
  /** Pictures that go through the model together, at most. Default 8: larger ones gain nothing on a CPU. */
  readonly batchSize?: number | undefined;
  /** Ends the stream early; it then throws the signal's reason. */
  readonly signal?: AbortSignal | undefined;
  /** Called after every batch. */
  readonly onProgress?: ((progress: EmbedImagesProgress) => void) | undefined;
}

/** How far a stream of embeddings has come. */
export interface EmbedImagesProgress {
  /** Pictures done, with or without success. */
  readonly done: number;
  /** Pictures among them that could not be read. */
  readonly failed: number;
}

/** One picture's result: its embedding (float32 `[E]`, L2 norm 1), or why there is none. */
export type ImageEmbeddingResult =
  | { readonly index: number; readonly embedding: Float32Array }
  | { readonly index: number; readonly error: unknown };

/** Image tower of one batch: float32 `[B, 3, H, W]` -> features, float32 `[B, E]`. */
export type ImageTower = (pixelValues: Tensor) => Promise<Tensor>;

type Decoded = { readonly index: number } & ({ readonly image: PreprocessedImage } | { readonly error: unknown });

/** The embeddings of `images`, in their order. */
export async function* embedImages<ImageInput>(
  images: Iterable<ImageInput> | AsyncIterable<ImageInput>,
  preprocessor: ImagePreprocessor<ImageInput>,
  imageTower: ImageTower,
  { batchSize = 8, signal, onProgress }: EmbedImagesOptions = {},
): AsyncGenerator<ImageEmbeddingResult, void, undefined> {
  if (!(Number.isInteger(batchSize) && batchSize >= 1))
    throw new RangeError(`embedImages: expected a batchSize of at least 1, got ${batchSize}`);
  const decode = async (index: number, input: ImageInput): Promise<Decoded> => {
    try {
      return { index, image: await preprocessor.preprocess(input, { signal }) };
    } catch (error) {
      return { index, error };
    }
  };

  let done = 0;
  let failed = 0;
  let current: Promise<Batch> | undefined;
  const finish = async function* (pending: Promise<Batch>): AsyncGenerator<ImageEmbeddingResult, void, undefined> {
    const batch = await pending;
    signal?.throwIfAborted();
    done += batch.results.length;
    failed += batch.failed;
    onProgress?.({ done, failed });
    yield* batch.results;
  };

  for await (const inputs of batches(images, batchSize)) {
    signal?.throwIfAborted();
    const decoded = Promise.all(inputs.map(({ index, input }) => decode(index, input)));
    // The batch before is in the model while this one is decoded; only when it is out does this one go in.
    const previous = current;
    current = (async () => {
      const ready = await decoded;
      await previous?.catch(() => undefined);
      signal?.throwIfAborted();
      return runBatch(ready, preprocessor, imageTower);
    })();
    current.catch(() => undefined); // its turn to be awaited comes later; until then a failure is not an unhandled rejection
    if (previous !== undefined) yield* finish(previous);
  }
  if (current !== undefined) yield* finish(current);
}

interface Batch {
  readonly results: readonly ImageEmbeddingResult[];
  readonly failed: number;
}

async function runBatch(
  decoded: readonly Decoded[],
  preprocessor: Pick<ImagePreprocessor<never>, "recycle">,
  imageTower: ImageTower,
): Promise<Batch> {
  const images = decoded.flatMap((item) => ("image" in item ? [item.image] : []));
  const embeddings = images.length === 0 ? [] : await embed(images, preprocessor, imageTower);
  let next = 0;
  const results = decoded.map((item): ImageEmbeddingResult => {
    if ("error" in item) return { index: item.index, error: item.error };
    return { index: item.index, embedding: embeddings[next++]! };
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
      throw new RangeError(`embedImages: expected pictures processed to one size, got [${first.dims.join(", ")}] and [${dims.join(", ")}]`);
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

async function* batches<T>(
  items: Iterable<T> | AsyncIterable<T>,
  size: number,
): AsyncGenerator<{ index: number; input: T }[], void, undefined> {
  let batch: { index: number; input: T }[] = [];
  let [index, bytes] = [0, 0];
  for await (const input of items) {
    batch.push({ index: index++, input });
    bytes += heldBytes(input);
    if (batch.length < size && bytes < BATCH_BYTES) continue;
    yield batch;
    batch = [];
    bytes = 0;
  }
  if (batch.length > 0) yield batch;
}

/** Bytes that a picture keeps in memory: of a file's contents, of a Blob or of pixels; of a path or a URL, none. */
function heldBytes(input: unknown): number {
  if (typeof input !== "object" || input === null) return 0;
  if ("byteLength" in input && typeof input.byteLength === "number") return input.byteLength;
  if ("size" in input && typeof input.size === "number") return input.size;
  return "data" in input ? heldBytes(input.data) : 0;
}
