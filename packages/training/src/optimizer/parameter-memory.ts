/**
 * Where parameters lie while they are trained: in the runtime's memory, each with its gradient and both moments behind it. That memory is the graph's
 * input and output, so nothing is copied between a run and the optimizer's step.
 */
import type { ResidentTensor, TrainingRuntime } from "@chinese-clip/model";
import type { Parameter } from "../graphs/training-graph.js";
import { isStatistic } from "../gradient/batch-statistics.js";
import { createSlabs, paddedBytes, type Place } from "./slabs.js";

/** What there is of a trained parameter, in the order in which it lies. */
export type Part = "parameter" | "gradient" | "first" | "second" | "average";

/** The moving average is the last, so that without one nothing else moves. */
const PARTS: readonly Part[] = ["parameter", "gradient", "first", "second", "average"];

interface ParameterPlace extends Place {
  readonly stride: number;
  readonly isTrained: boolean;
  readonly dims: readonly number[];
}

/** Bytes that a parameter takes in the runtime's memory, with its gradient and moments where it is trained, and with its average where there is one. */
export function residentBytes({ dims }: Parameter, isTrained: boolean, isAveraged = false): number {
  return paddedBytes(dims) * (isTrained ? PARTS.length - (isAveraged ? 0 : 1) : 1);
}

/** Parameters in a runtime's memory. */
export class ParameterMemory {
  readonly #runtime: TrainingRuntime;
  readonly #places: ReadonlyMap<string, ParameterPlace>;
  /** Whether trained parameters have a moving average. */
  readonly isAveraged: boolean;

  private constructor(runtime: TrainingRuntime, places: ReadonlyMap<string, ParameterPlace>, isAveraged: boolean) {
    this.#runtime = runtime;
    this.isAveraged = isAveraged;
    this.#places = places;
  }

  /**
   * Allocates memory, of zeros.
   *
   * @param trained - names of those that have a gradient and moments.
   * @param isAveraged - whether these have a moving average, too.
   */
  static async create(
    runtime: TrainingRuntime,
    parameters: readonly Parameter[],
    trained: ReadonlySet<string>,
    isAveraged = false,
  ): Promise<ParameterMemory> {
    const slabs = await createSlabs(
      runtime,
      parameters.map((parameter) => residentBytes(parameter, trained.has(parameter.name), isAveraged)),
    );
    const places = new Map<string, ParameterPlace>();
    for (const [i, { name, dims }] of parameters.entries()) {
      const { memory = 0, byteOffset = 0 } = slabs[i] ?? {};
      places.set(name, { memory, byteOffset, stride: paddedBytes(dims), isTrained: trained.has(name), dims });
    }
    return new ParameterMemory(runtime, places, isAveraged);
  }

  /** Names of all, in the order of their making. */
  get names(): readonly string[] {
    return [...this.#places.keys()];
  }

  /** Names of those that have a gradient and moments. */
  get trained(): readonly string[] {
    return this.names.filter((name) => this.#place(name).isTrained);
  }

  /** Names of running statistics, which move without a gradient. */
  get statistics(): readonly string[] {
    return this.names.filter((name) => isStatistic(name));
  }

  /** Whether a parameter has a gradient and moments. */
  isTrained(name: string): boolean {
    return this.#place(name).isTrained;
  }

  /** Where a tensor lies. */
  tensor(name: string, part: Part = "parameter"): ResidentTensor {
    const { memory, byteOffset, stride, dims } = this.#place(name);
    return { memory, byteOffset: byteOffset + PARTS.indexOf(part) * stride, dims };
  }

  /** The padded range of a tensor, in bytes. */
  range(name: string, part: Part): { readonly memory: number; readonly start: number; readonly end: number } {
    const { memory, byteOffset } = this.tensor(name, part);
    return { memory, start: byteOffset, end: byteOffset + this.#place(name).stride };
  }

  /** Copies values in. */
  async write(name: string, values: Float32Array, part: Part = "parameter"): Promise<void> {
    const { memory, byteOffset, dims } = this.tensor(name, part);
    const size = sizeOf(dims);
    if (values.length !== size) throw new TypeError(`training: expected ${size} values of ${name}, got ${values.length}`);
    await this.#runtime.write(memory, byteOffset, values);
  }

  /** Copies values out. */
  async read(name: string, part: Part = "parameter"): Promise<Float32Array> {
    const { memory, byteOffset, dims } = this.tensor(name, part);
    return this.#runtime.read(memory, byteOffset, sizeOf(dims));
  }

  #place(name: string): ParameterPlace {
    const place = this.#places.get(name);
    if (place === undefined) throw new TypeError(`training: expected a parameter ${name}, got none`);
    return place;
  }
}

function sizeOf(dims: readonly number[]): number {
  return dims.reduce((size, extent) => size * extent, 1);
}
