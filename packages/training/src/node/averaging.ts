/**
 * Training on several machines by averaging (local SGD: Stich, 2019): each worker is an ordinary run on pairs of its own, and every so many steps their
 * weights are averaged through a folder or a bucket that all of them see. It is approximate: a batch's wrong answers are the worker's own, moments are
 * not shared.
 *
 *     folder/round-00000012/worker-a.safetensors     a worker's weights after 12 times `every` steps
 */
import { createWriteStream } from "node:fs";
import { join } from "node:path";
import { pipeline } from "node:stream/promises";
import { setTimeout as sleep } from "node:timers/promises";
import { type FileStore, openStore, withStaging } from "@chinese-clip/dataset";
import { type CheckpointFile, safetensorsHeader, type StoredTensor } from "@chinese-clip/model";
import { readTensorFile } from "@chinese-clip/model/graph";
import { writingTo } from "@chinese-clip/pipeline/node";
import type { ParameterMemory } from "../optimizer/parameter-memory.js";
import { integer, positive } from "./option-ranges.js";
import { fileAt, floatsOf, writeTensorFile } from "./run-state.js";

/** Milliseconds between two looks at a folder, and at a bucket, where each is a request. */
const [LOOK, LOOK_REMOTE] = [100, 1000];
/** Rounds whose files stay, for workers that are late. */
const ROUNDS_KEPT = 2;
/** Seconds for the others, unless told otherwise. */
const PATIENCE = 60;

const NAME = /^[\w-][\w.-]{0,99}$/u;

/** Several runs that are averaged: each with an `output`, pairs or a `seed` of its own, else with the same options. */
export interface AveragingOptions {
  /** A folder that all workers see, or `s3://bucket/prefix`, as `openStore` of `@chinese-clip/dataset` takes it. */
  readonly folder: string;
  /** This worker's name, another one than the others': letters, digits, `_`, `.` and `-`. It stays the same when the run is resumed. */
  readonly worker: string;
  /** Steps from one average to the next. */
  readonly every: number;
  /** How many workers there are. */
  readonly workers: number;
  /** Seconds to wait for the others; who is later, or dead, is left out of the average. Default 60. */
  readonly patience?: number | undefined;
}

/** Rejects options out of their range. @throws RangeError; DatasetError - `s3-address`. */
export function checkAveraging({ folder, worker, every, workers, patience = PATIENCE }: AveragingOptions): void {
  if (!NAME.test(worker))
    throw new RangeError(`averaging.worker: expected 1 to 100 letters, digits, _, . or -, got ${JSON.stringify(worker)}`);
  integer("averaging.every", every, 1);
  integer("averaging.workers", workers, 1);
  positive("averaging.patience", patience);
  openStore(folder);
}

/**
 * One round: writes this worker's weights, waits for the others', and takes the average of those that are there.
 *
 * @param step - steps that are done, a multiple of `every`.
 * @returns names of the workers whose weights are in the average, in order.
 */
export async function averageRound(
  options: AveragingOptions,
  step: number,
  memory: ParameterMemory,
  signal?: AbortSignal,
): Promise<string[]> {
  const { worker, every, workers, patience = PATIENCE } = options;
  const store = openStore(options.folder);
  const round = step / every;
  const usable = await withStaging(store.staging, worker, async (staging) => {
    const own = join(staging, "own");
    const headers = memory.trained.map((name) => ({ name, dtype: "F32" as const, shape: memory.tensor(name).dims }));
    const header = safetensorsHeader(headers, { step: String(step) });
    await writeTensorFile(own, header, memory.trained, (name) => memory.read(name));
    await store.put(fileOf(round, worker), own, { signal });
    const found = await waitFor(store, round, { workers, patience, signal });
    const all: WorkerFile[] = [];
    for (const name of found) {
      const path = store.path?.(fileOf(round, name)) ?? (await fetched(store, fileOf(round, name), join(staging, name), signal));
      const weights = await openWeights(path, memory);
      if (weights !== undefined) all.push({ name, ...weights }); // else it is damaged, or of another model: left out
    }
    if (all.length > 1) for (const tensor of memory.trained) await memory.write(tensor, await average(all, tensor));
    return all.map(({ name }) => name);
  });
  if (round > ROUNDS_KEPT) await store.remove(fileOf(round - ROUNDS_KEPT, worker), { signal });
  return usable;
}

interface Weights {
  readonly file: CheckpointFile;
  readonly tensors: ReadonlyMap<string, StoredTensor>;
}

interface WorkerFile extends Weights {
  readonly name: string;
}

function folderOf(round: number): string {
  return `round-${String(round).padStart(8, "0")}`;
}

function fileOf(round: number, worker: string): string {
  return `${folderOf(round)}/${worker}.safetensors`;
}

/** Workers whose files are there, once all are or time is up; in order, so that all add up alike. */
async function waitFor(
  store: FileStore,
  round: number,
  { workers, patience, signal }: { readonly workers: number; readonly patience: number; readonly signal: AbortSignal | undefined },
): Promise<readonly string[]> {
  const deadline = performance.now() + 1000 * patience;
  for (;;) {
    const found: string[] = [];
    for await (const { name } of store.list(folderOf(round), { signal })) {
      const [, worker] = /\/([^/]*)\.safetensors$/u.exec(name) ?? [];
      if (worker !== undefined && NAME.test(worker)) found.push(worker);
    }
    if (found.length >= workers || performance.now() >= deadline) return found.toSorted();
    await sleep(store.path === undefined ? LOOK_REMOTE : LOOK, undefined, signal === undefined ? {} : { signal });
  }
}

/** A copy of a remote file. */
async function fetched(store: FileStore, name: string, path: string, signal: AbortSignal | undefined): Promise<string> {
  await writingTo(path, () => pipeline(store.read(name, { signal }), createWriteStream(path)));
  return path;
}

/** A worker's weights; undefined for a file without one of the tensors, or with a value that is not finite. */
async function openWeights(path: string, memory: ParameterMemory): Promise<Weights | undefined> {
  try {
    const file = await fileAt(path);
    if (file === undefined) return undefined;
    const { tensors } = await readTensorFile(file);
    for (const name of memory.trained) {
      const tensor = tensors.get(name);
      if (tensor?.dtype !== "F32" || String(tensor.shape) !== String(memory.tensor(name).dims)) return undefined;
      if (!(await floatsOf(file, tensor)).every(Number.isFinite)) return undefined;
    }
    return { file, tensors };
  } catch {
    return undefined;
  }
}

/** The mean of a tensor, which every worker has. One tensor at a time is in memory. */
async function average(workers: readonly Weights[], name: string): Promise<Float32Array> {
  let sum = new Float64Array();
  for (const { file, tensors } of workers) {
    const tensor = tensors.get(name);
    if (tensor === undefined) throw new TypeError(`averaging: expected ${name} of every worker`);
    const values = await floatsOf(file, tensor);
    if (sum.length === 0) sum = new Float64Array(values.length);
    for (const [i, value] of values.entries()) sum[i] = (sum[i] ?? 0) + value;
  }
  return Float32Array.from(sum, (value) => value / workers.length);
}
