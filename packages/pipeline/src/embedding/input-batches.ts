/**
 * A stream of inputs in batches that are bounded in number and in bytes.
 */
import type { AbortScope } from "./abort-scope.js";

/** A batch of images that come as bytes or pixels ends at so many of them, however few images they are. */
const BATCH_BYTES = 64 * 2 ** 20;

/** One input and its place in the stream, from 0. */
export interface IndexedInput<Input, Image> {
  readonly index: number;
  readonly input: Input;
  readonly image: Image;
}

/**
 * Groups inputs. When the scope is aborted, the wait for the next input ends, even if the source never gives one.
 *
 * @param size - inputs of a batch, at most.
 */
export async function* inputBatches<Input, Image>(
  inputs: Iterable<Input> | AsyncIterable<Input>,
  imageOf: (input: Input) => Image,
  size: number,
  scope: AbortScope,
): AsyncGenerator<IndexedInput<Input, Image>[], void, undefined> {
  const iterator = Symbol.asyncIterator in inputs ? inputs[Symbol.asyncIterator]() : inputs[Symbol.iterator]();
  let isDone = false;
  try {
    let batch: IndexedInput<Input, Image>[] = [];
    let [index, bytes] = [0, 0];
    for (;;) {
      const next = await scope.wait(Promise.resolve(iterator.next()));
      if (next.done === true) break;
      const input = await next.value;
      const image = imageOf(input);
      batch.push({ index: index++, input, image });
      bytes += heldBytes(image);
      if (batch.length < size && bytes < BATCH_BYTES) continue;
      yield batch;
      batch = [];
      bytes = 0;
    }
    isDone = true;
    if (batch.length > 0) yield batch;
  } finally {
    if (!isDone) {
      // A source that hangs in its next value would let its end wait as well.
      const ended = Promise.resolve(iterator.return?.());
      if (scope.aborted) ended.catch(() => undefined);
      else await ended;
    }
  }
}

/** Bytes that an image holds in memory: a file's contents, a Blob or pixels; a path or a URL holds none. */
function heldBytes(image: unknown): number {
  if (typeof image !== "object" || image === null) return 0;
  if ("byteLength" in image && typeof image.byteLength === "number") return image.byteLength;
  if ("size" in image && typeof image.size === "number") return image.size;
  return "data" in image ? heldBytes(image.data) : 0;
}
