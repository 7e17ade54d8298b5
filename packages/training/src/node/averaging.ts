/**
 * Training on several machines by averaging (local SGD: Stich, 2019): each worker is an ordinary run on pairs of its own, and every so many steps their
 * weights are averaged through a folder that all of them see. It is approximate: a batch's wrong answers are the worker's own, moments are not shared.
 *
 *     folder/round-00000012/worker-a.safetensors     a worker's weights after 12 times `every` steps
 */
import { mkdir, readdir, rm } from "node:fs/promises";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { safetensorsHeader } from "@chinese-clip/model";
import { readTensorFile } from "@chinese-clip/model/graph";
import { stageFile, writingTo } from "@chinese-clip/pipeline/node";
import type { ParameterMemory } from "../optimizer/parameter-memory.js";
import { integer, positive } from "./option-ranges.js";
import { fileAt, floatsOf, writeTensorFile } from "./run-state.js";
import type { AveragingOptions } from "./train-options.js";

/** Milliseconds between two looks at the folder. */
const LOOK = 100;
/** Rounds whose files stay, for workers that are late. */
const ROUNDS_KEPT = 2;
/** Seconds for the others, unless told otherwise. */
const PATIENCE = 60;

const NAME = /^[\w-][\w.-]{0,99}$/u;

/** Rejects options out of their range. @throws RangeError. */
export function checkAveraging({ worker, every, workers, patience = PATIENCE }: AveragingOptions): void {
  if (!NAME.test(worker))
    throw new RangeError(`averaging.worker: expected 1 to 100 letters, digits, _, . or -, got ${JSON.stringify(worker)}`);
  integer("averaging.every", every, 1);
  integer("averaging.workers", workers, 1);
  positive("averaging.patience", patience);
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
  const { folder, worker, every, workers, patience = PATIENCE } = options;
  const round = step / every;
  const place = join(folder, nameOf(round));
  await writingTo(place, () => mkdir(place, { recursive: true }));
  const headers = memory.trained.map((name) => ({ name, dtype: "F32" as const, shape: memory.tensor(name).dims }));
  await stageFile(join(place, `${worker}.safetensors`), (part) => writeTensorFile(part, safetensorsHeader(headers, { step: String(step) }), memory.trained, (name) => memory.read(name))); // prettier-ignore
  const deadline = performance.now() + 1000 * patience;
  let found = await workersIn(place);
  while (found.length < workers && performance.now() < deadline) {
    await sleep(LOOK, undefined, signal === undefined ? {} : { signal });
    found = await workersIn(place);
  }
  const usable: string[] = [];
  const sums = new Map<string, Float64Array>();
  for (const name of found) {
    const weights = await readWeights(join(place, `${name}.safetensors`), memory);
    if (weights === undefined) continue; // damaged, or of another model: left out
    usable.push(name);
    for (const [tensor, values] of weights) {
      const sum = sums.get(tensor) ?? new Float64Array(values.length);
      for (const [i, value] of values.entries()) sum[i] = (sum[i] ?? 0) + value;
      sums.set(tensor, sum);
    }
  }
  if (usable.length > 1)
    for (const [name, sum] of sums)
      await memory.write(
        name,
        Float32Array.from(sum, (value) => value / usable.length),
      );
  await rm(join(folder, nameOf(round - ROUNDS_KEPT), `${worker}.safetensors`), { force: true });
  return usable;
}

function nameOf(round: number): string {
  return `round-${String(round).padStart(8, "0")}`;
}

/** Workers whose files are whole, in order, so that all add up alike. */
async function workersIn(place: string): Promise<string[]> {
  const names = await readdir(place).catch(() => []);
  return names
    .flatMap((name) => (name.endsWith(".safetensors") && NAME.test(name) ? [name.slice(0, -".safetensors".length)] : []))
    .toSorted();
}

/** A worker's weights; undefined for a file without one of the tensors, or with a value that is not finite. */
async function readWeights(path: string, memory: ParameterMemory): Promise<Map<string, Float32Array> | undefined> {
  try {
    const file = await fileAt(path);
    if (file === undefined) return undefined;
    const { tensors } = await readTensorFile(file);
    const weights = new Map<string, Float32Array>();
    for (const name of memory.trained) {
      const tensor = tensors.get(name);
      if (tensor?.dtype !== "F32" || String(tensor.shape) !== String(memory.tensor(name).dims)) return undefined;
      const values = await floatsOf(file, tensor);
      if (!values.every(Number.isFinite)) return undefined;
      weights.set(name, values);
    }
    return weights;
  } catch {
    return undefined;
  }
}
