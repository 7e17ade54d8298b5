/**
 * Where parameters lie while they are trained: in the runtime's memory, each with its gradient and both moments behind it. That memory is the graph's
 * input and output, so nothing is copied between a run and the optimizer's step.
 */
import type { ResidentTensor, TrainingRuntime } from "@chinese-clip/model";
import type { Parameter } from "../graphs/training-graph.js";

/** What there is of a trained parameter, in the order in which it lies. */
export type Part = "parameter" | "gradient" | "first" | "second";

const PARTS: readonly Part[] = ["parameter", "gradient", "first", "second"];

/** Bytes that a tensor begins at a multiple of: a cache line. What pads a tensor is 0. */
const ALIGNMENT = 64;
/** Bytes of a memory, of which there are as many as needed; one tensor that needs more has one of its own. */
const MEMORY_BYTES = 2 ** 30;

interface Place {
  readonly memory: number;
  readonly byteOffset: number;
  readonly stride: number;
  readonly isTrained: boolean;
  readonly dims: readonly number[];
}

/** Bytes that a parameter takes in the runtime's memory, with its gradient and moments where it is trained. */
export function residentBytes({ dims }: Parameter, isTrained: boolean): number {
  return paddedBytes(dims) * (isTrained ? PARTS.length : 1);
}

/** Parameters in a runtime's memory. */
export class ParameterMemory {
  readonly #runtime: TrainingRuntime;
  readonly #places: ReadonlyMap<string, Place>;

  private constructor(runtime: TrainingRuntime, places: ReadonlyMap<string, Place>) {
    this.#runtime = runtime;
    this.#places = places;
  }

  /**
   * Allocates memory, of zeros.
   *
   * @param trained - names of those that have a gradient and moments.
   */
  static async create(runtime: TrainingRuntime, parameters: readonly Parameter[], trained: ReadonlySet<string>): Promise<ParameterMemory> {
    const slabs: { bytes: number; readonly members: { readonly name: string; readonly place: Omit<Place, "memory"> }[] }[] = [];
    for (const parameter of parameters) {
      const { name, dims } = parameter;
      const isTrained = trained.has(name);
      const bytes = residentBytes(parameter, isTrained);
      let slab = slabs.at(-1);
      if (slab === undefined || slab.bytes + bytes > MEMORY_BYTES) slabs.push((slab = { bytes: 0, members: [] }));
      const place = { byteOffset: slab.bytes, stride: paddedBytes(dims), isTrained, dims };
      slab.members.push({ name, place });
      slab.bytes += bytes;
    }
    const places = new Map<string, Place>();
    for (const { bytes, members } of slabs) {
      const memory = await runtime.createMemory(bytes);
      for (const { name, place } of members) places.set(name, { ...place, memory });
    }
    return new ParameterMemory(runtime, places);
  }

  /** Names of all, in the order of their making. */
  get names(): readonly string[] {
    return [...this.#places.keys()];
  }

  /** Names of those that have a gradient and moments. */
  get trained(): readonly string[] {
    return this.names.filter((name) => this.#place(name).isTrained);
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

  #place(name: string): Place {
    const place = this.#places.get(name);
    if (place === undefined) throw new TypeError(`training: expected a parameter ${name}, got none`);
    return place;
  }
}

function sizeOf(dims: readonly number[]): number {
  return dims.reduce((size, extent) => size * extent, 1);
}

function paddedBytes(dims: readonly number[]): number {
  return Math.ceil((sizeOf(dims) * Float32Array.BYTES_PER_ELEMENT) / ALIGNMENT) * ALIGNMENT;
}
