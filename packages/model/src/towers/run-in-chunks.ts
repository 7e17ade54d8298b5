/**
 * A batch in chunks. On a CPU a batch is fastest in chunks whose activations stay in the cache: ViT-B/16 on two cores takes 6% less time for
 * each image in threes than in eights, and 16% less than in sixteens, in float32; in q8 5% and 14%.
 */
import { Tensor } from "onnxruntime-common";
import type { GraphSession } from "./session.js";

/**
 * Runs `feeds`, whose first axis is the batch, in chunks of equal size, and joins what comes out.
 *
 * @param tokensPerRow - into how many tokens the tower cuts a row.
 */
export async function runInChunks(
  session: GraphSession,
  feeds: Readonly<Record<string, Tensor>>,
  tokensPerRow: number,
): Promise<Readonly<Record<string, Tensor>>> {
  const count = Object.values(feeds)[0]?.dims[0] ?? 0;
  const rows = Math.max(1, Math.floor((session.maxTokensPerRun ?? Number.POSITIVE_INFINITY) / tokensPerRow));
  const chunks = Math.ceil(count / rows);
  if (chunks <= 1) return session.run(feeds);
  const chunkOf = (tensor: Tensor, chunk: number): Tensor =>
    slice(tensor, Math.floor((chunk * count) / chunks), Math.floor(((chunk + 1) * count) / chunks));
  // All at once: the session takes one after the other, and does not wait in between.
  const results = await Promise.all(
    Array.from({ length: chunks }, (_, chunk) => session.run(mapValues(feeds, (tensor) => chunkOf(tensor, chunk)))),
  );
  return mapValues(results[0] ?? {}, (_, name) => join(results.flatMap((result) => result[name] ?? [])));
}

function mapValues(
  tensors: Readonly<Record<string, Tensor>>,
  change: (tensor: Tensor, name: string) => Tensor,
): Readonly<Record<string, Tensor>> {
  return Object.fromEntries(Object.entries(tensors).map(([name, tensor]) => [name, change(tensor, name)]));
}

/** Rows `[start, end)`, sharing the memory. */
function slice({ data, dims }: Tensor, start: number, end: number): Tensor {
  const size = data.length / (dims[0] ?? 1);
  return new Tensor("float32", (data as Float32Array).subarray(start * size, end * size), [end - start, ...dims.slice(1)]);
}

function join(chunks: readonly Tensor[]): Tensor {
  const data = new Float32Array(chunks.reduce((sum, chunk) => sum + chunk.data.length, 0));
  let at = 0;
  for (const chunk of chunks) {
    data.set(chunk.data as Float32Array, at);
    at += chunk.data.length;
  }
  const [, ...rest] = chunks[0]?.dims ?? [];
  return new Tensor("float32", data, [chunks.reduce((sum, { dims }) => sum + (dims[0] ?? 0), 0), ...rest]);
}
