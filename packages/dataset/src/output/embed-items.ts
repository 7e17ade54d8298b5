/**
 * A stream of images or texts to a file of features, from where an earlier run was killed.
 *
 * Inputs go through the model in the same groups in every run, since the last bits of a feature may depend on what it is computed with: a run
 * that resumes computes its first group whole and writes what is missing. So the file is byte for byte that of a run that was never killed.
 */
import { appendFile, readFile, truncate } from "node:fs/promises";
import { isAbsent } from "@chinese-clip/pipeline/node";
import { DatasetError, isRunFault } from "../dataset-error.js";
import type { DatasetEmbedder } from "./embedder.js";
import type { EmbedItem } from "../sources/items.js";
import type { FeatureOutput, FeatureRow } from "./feature-output.js";
import type { Shard } from "./shard.js";
import { checkSignature } from "./signature.js";

/** Texts that go through the model together. */
const TEXTS_PER_RUN = 64;

/** Images that do. */
export const IMAGES_PER_RUN = 8;

/** An image that could not be read. */
export interface FailedImage {
  /** The input's id. */
  readonly id: number;
  /** Its file, where it has one. */
  readonly label: string | undefined;
  /** Why it cannot be read, in English. */
  readonly reason: string;
  /** The decoder's error. */
  readonly error: unknown;
}

/** What a run did. */
export interface EmbedSummary {
  /** Rows that were there before. */
  readonly existing: number;
  /** Rows that this run wrote. */
  readonly added: number;
  /** Images that cannot be read, of earlier runs too. */
  readonly failed: number;
}

/** What to do. */
export interface EmbedRequest {
  /** All inputs, of the other parts too, in an order that is the same in every run. */
  readonly items: AsyncIterable<EmbedItem>;
  /** Which tower embeds them. */
  readonly kind: "images" | "texts";
  /** The part that is embedded. */
  readonly shard: Shard;
  /** Where the rows go. */
  readonly output: FeatureOutput;
  /** Where images that cannot be read are remembered. */
  readonly failures: string;
  /** The model. */
  readonly embedder: DatasetEmbedder;
  /** Ends the run; what is written stays, and the next run goes on from there. */
  readonly signal?: AbortSignal | undefined;
  /** Told of each image that cannot be read. */
  readonly onFailure: (failure: FailedImage) => void;
  /** Told how many inputs of this part are done, of which `existing` were before. */
  readonly onProgress: (done: number, existing: number) => void;
}

interface Planned {
  readonly item: EmbedItem;
  /** Whether its row is there, or it is known that it cannot be read. */
  readonly done: "row" | "failed" | undefined;
}

/**
 * Embeds what is missing. The output is closed by the caller.
 *
 * @throws DatasetError - `inputs-changed`, `inputs-ended`: the output's rows are not of these inputs; the signal's reason; and what reading the inputs
 * throws.
 */
export async function embedItems(request: EmbedRequest): Promise<EmbedSummary> {
  const { output, failures, kind, embedder, signal, onFailure, onProgress } = request;
  signal?.throwIfAborted();
  await checkSignature(failures, '{"id":');
  const known = await readFailures(failures);
  const size = kind === "texts" ? TEXTS_PER_RUN : IMAGES_PER_RUN;
  let [added, done] = [0, output.rows + known.size];
  const existing = done;
  const results = (kind === "texts" ? embedTexts : embedImages)(plan(request, known, size), embedder, signal);
  let rows: FeatureRow[] = [];
  let failed: FailedImage[] = [];
  const flush = async (): Promise<void> => {
    // Failures first: a row is only ever written when all that comes before it is settled.
    if (failed.length > 0)
      await appendFile(failures, failed.map(({ id, label, reason }) => `${JSON.stringify({ id, file: label, reason })}\n`).join(""));
    if (rows.length > 0) await output.append(rows);
    added += rows.length;
    done += rows.length + failed.length;
    for (const failure of failed) onFailure(failure);
    [rows, failed] = [[], []];
    onProgress(done, existing);
  };
  let pending = 0;
  for await (const { planned, result } of results) {
    if (planned.done === undefined) {
      if ("embedding" in result) rows.push({ item: planned.item, embedding: result.embedding });
      else {
        failed.push({ id: planned.item.id, label: planned.item.label, reason: reasonOf(result.error), error: result.error });
        known.add(planned.item.id);
      }
    }
    if (++pending % size === 0) await flush();
  }
  await flush();
  return { existing: output.rows, added, failed: known.size };
}

/** The inputs of this part from the first group with one that is missing. */
async function* plan(
  { items, shard, output, failures, signal }: EmbedRequest,
  known: ReadonlySet<number>,
  size: number,
): AsyncGenerator<Planned, void, undefined> {
  let [position, place, rows] = [0, 0, 0];
  let group: Planned[] = [];
  let started = false;
  for await (const item of items) {
    signal?.throwIfAborted();
    if (position++ % shard.count !== shard.index) continue;
    if (place++ % size === 0) group = [];
    const done = known.has(item.id) ? "failed" : rows < output.rows ? "row" : undefined;
    if (done === "row" && ++rows === output.rows && (item.id !== output.last?.id || item.label !== output.last.label)) {
      throw changed(output, failures, item);
    }
    group.push({ item, done });
    if (started) yield { item, done };
    else if (done === undefined) {
      started = true;
      yield* group;
    }
  }
  if (rows < output.rows) throw changed(output, failures, undefined);
}

function changed(output: FeatureOutput, failures: string, item: EmbedItem | undefined): DatasetError {
  const rows = { rows: output.rows, last: String(output.last?.label ?? output.last?.id), failures, file: output.files[0] };
  return item === undefined
    ? new DatasetError("inputs-ended", rows)
    : new DatasetError("inputs-changed", { ...rows, got: String(item.label ?? item.id) });
}

type Result = { readonly embedding: Float32Array } | { readonly error: unknown };

async function* embedImages(
  inputs: AsyncIterable<Planned>,
  embedder: DatasetEmbedder,
  signal: AbortSignal | undefined,
): AsyncGenerator<{ readonly planned: Planned; readonly result: Result }, void, undefined> {
  // One that cannot be read is not read again; nothing holds its place in its group.
  const imageOf = ({ item, done }: Planned): string | Uint8Array => (done === "failed" ? new Uint8Array() : item.content);
  for await (const result of embedder.embedImages(inputs, { imageOf, signal })) yield { planned: result.input, result };
}

async function* embedTexts(
  inputs: AsyncIterable<Planned>,
  embedder: DatasetEmbedder,
  signal: AbortSignal | undefined,
): AsyncGenerator<{ readonly planned: Planned; readonly result: Result }, void, undefined> {
  let group: Planned[] = [];
  const embed = async function* (): AsyncGenerator<{ readonly planned: Planned; readonly result: Result }, void, undefined> {
    const { data, dim } = await embedder.embedText(
      group.map(({ item }) => String(item.content)),
      { signal },
    );
    for (const [row, planned] of group.entries()) yield { planned, result: { embedding: data.subarray(row * dim, (row + 1) * dim) } };
    group = [];
  };
  for await (const planned of inputs) {
    group.push(planned);
    if (group.length === TEXTS_PER_RUN) yield* embed();
  }
  if (group.length > 0) yield* embed();
}

/** Ids of the images that earlier runs could not read; a line that was torn is cut. */
async function readFailures(file: string): Promise<Set<number>> {
  const bytes = await readFile(file).catch((error: unknown) => {
    if (isAbsent(error)) return Buffer.alloc(0);
    throw error;
  });
  const end = bytes.lastIndexOf(10) + 1;
  if (end < bytes.length) await truncate(file, end);
  const ids = bytes
    .toString("utf8", 0, end)
    .split("\n")
    .flatMap((line) => {
      const id = /^\{"id":(-?\d+)/.exec(line)?.[1];
      return id === undefined ? [] : [Number(id)];
    });
  return new Set(ids);
}

function reasonOf(error: unknown): string {
  if (isRunFault(error)) throw error;
  return error instanceof Error ? error.message : String(error);
}
