/** An embedder behind a server of `@chinese-clip/server`, by `/v1/embeddings`: nothing of a model is loaded here. */
import type { Embedder, Embeddings, ImageEmbeddingResult } from "@chinese-clip/pipeline";
import { SearchError } from "../search-error.js";
import { encodeBase64 } from "./base64.js";
import { decodeVector } from "./remote-vector.js";
import { type RemoteOptions, ServerClient } from "./server-client.js";

/** An image as a {@link RemoteEmbedder} sends it: an encoded file, or a URL that the server fetches where it allows that. */
export type RemoteImage = Uint8Array | Blob | URL;

/** Inputs of a request: the server's default limit. */
const INPUTS = 256;

/** Bytes of images in one request: base64 makes 4 of 3, and the server reads 32 MiB. */
const REQUEST_BYTES = 20 * 2 ** 20;

/** Images of a request unless it is said otherwise: a batch of the model. */
const BATCH = 16;

/**
 * Asks a server for its model.
 *
 * @throws SearchError - `unavailable`, `rejected`; TypeError, RangeError - options that cannot be.
 */
export async function openRemoteEmbedder(options: RemoteOptions): Promise<RemoteEmbedder> {
  const client = new ServerClient(options, "openRemoteEmbedder");
  const { data } = await client.json({ method: "GET", path: "/v1/models" });
  const [model] = Array.isArray(data) ? (data as readonly unknown[]) : [];
  const { id, dim, fingerprint } = typeof model === "object" && model !== null ? (model as Readonly<Record<string, unknown>>) : {};
  if (typeof id !== "string" || typeof fingerprint !== "string" || !(Number.isSafeInteger(dim) && Number(dim) >= 1))
    throw client.unexpected("a model with id, dim and fingerprint");
  return new RemoteEmbedder(client, id, Number(dim), fingerprint);
}

/** An {@link Embedder} behind a server; {@link openRemoteEmbedder} opens one. */
export class RemoteEmbedder implements Embedder<RemoteImage> {
  /** Values of an embedding. */
  readonly dim: number;
  /** {@inheritDoc Embedder.fingerprint} */
  readonly fingerprint: string;
  /** The model's name on the server. */
  readonly model: string;
  readonly #client: ServerClient;

  /** @internal */
  constructor(client: ServerClient, model: string, dim: number, fingerprint: string) {
    [this.#client, this.model, this.dim, this.fingerprint] = [client, model, dim, fingerprint];
  }

  /**
   * Embeds texts; row `i` is of text `i`.
   *
   * @throws SearchError - `unavailable`, `rejected`; the signal's reason.
   */
  async embedText(texts: readonly string[], { signal }: { readonly signal?: AbortSignal | undefined } = {}): Promise<Embeddings> {
    const data = new Float32Array(texts.length * this.dim);
    for (let start = 0; start < texts.length; start += INPUTS) {
      const rows = await this.#embed(texts.slice(start, start + INPUTS), signal);
      for (const [i, row] of rows.entries()) data.set(row, (start + i) * this.dim);
    }
    return { data, count: texts.length, dim: this.dim };
  }

  /** Embeds images, in their order; one that the server rejects, or that is too large for a request, is a result with its error. */
  async *embedImages<Input extends RemoteImage>(
    images: Iterable<Input> | AsyncIterable<Input>,
    { signal, batchSize = BATCH }: { readonly signal?: AbortSignal | undefined; readonly batchSize?: number | undefined } = {},
  ): AsyncGenerator<ImageEmbeddingResult<Input>, void, undefined> {
    if (!(Number.isInteger(batchSize) && batchSize >= 1))
      throw new RangeError(`embedImages: expected batchSize to be a positive integer, got ${String(batchSize)}`);
    let [batch, bytes]: [SentImage<Input>[], number] = [[], 0];
    let index = 0;
    for await (const input of images) {
      const image = await textOf(input);
      const size = image.length;
      if (batch.length > 0 && (batch.length >= Math.min(batchSize, INPUTS) || bytes + size > (REQUEST_BYTES * 4) / 3)) {
        yield* this.#embedBatch(batch, signal);
        [batch, bytes] = [[], 0];
      }
      batch.push({ index: index++, input, image });
      bytes += size;
    }
    if (batch.length > 0) yield* this.#embedBatch(batch, signal);
  }

  /** A batch with an image that is rejected is sent again one by one, so that the others have their embeddings. */
  async *#embedBatch<Input>(
    batch: readonly SentImage<Input>[],
    signal: AbortSignal | undefined,
  ): AsyncGenerator<ImageEmbeddingResult<Input>, void, undefined> {
    let rows: readonly Float32Array[];
    try {
      rows = await this.#embed(
        batch.map(({ image }) => ({ image })),
        signal,
      );
    } catch (error) {
      if (!(error instanceof SearchError && error.code === "rejected") || isOfCaller(error)) throw error;
      if (batch.length > 1) for (const one of batch) yield* this.#embedBatch([one], signal);
      else for (const { index, input } of batch) yield { index, input, error };
      return;
    }
    for (const [i, { index, input }] of batch.entries()) yield { index, input, embedding: rows[i] as Float32Array };
  }

  async #embed(inputs: readonly unknown[], signal: AbortSignal | undefined): Promise<Float32Array[]> {
    const body = { model: this.model, input: inputs, encoding_format: "base64" };
    const { data } = await this.#client.json({ method: "POST", path: "/v1/embeddings", body, signal });
    if (!Array.isArray(data) || data.length !== inputs.length) throw this.#client.unexpected("an embedding for each input");
    return (data as readonly unknown[]).map((one) => {
      const vector = typeof one === "object" && one !== null && "embedding" in one ? decodeVector(one.embedding) : undefined;
      if (vector?.length !== this.dim) throw this.#client.unexpected(`embeddings of ${this.dim} values`);
      return vector;
    });
  }
}

interface SentImage<Input> {
  readonly index: number;
  readonly input: Input;
  /** Base64, or a URL. */
  readonly image: string;
}

/** Whether a rejection is of the caller rather than of an image: a key, a host name, the model's name. */
function isOfCaller({ details: { status = 0 } }: SearchError): boolean {
  return [401, 403, 404, 405].includes(status);
}

async function textOf(image: RemoteImage): Promise<string> {
  if (image instanceof URL) return image.href;
  return encodeBase64(image instanceof Uint8Array ? image : new Uint8Array(await image.arrayBuffer()));
}
