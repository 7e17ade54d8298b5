/** Where tensors lie in a runtime's memories: one behind the other, as many memories as needed. */
import type { TrainingRuntime } from "@chinese-clip/model";

/** Bytes that a tensor begins at a multiple of: a cache line. What pads a tensor is 0. */
const ALIGNMENT = 64;
/** Bytes of a memory; a tensor that needs more has one of its own. */
const MEMORY_BYTES = 2 ** 30;

/** Where a tensor begins. */
export interface Place {
  readonly memory: number;
  readonly byteOffset: number;
}

/** Bytes of a float32 tensor, with its padding. */
export function paddedBytes(dims: readonly number[]): number {
  const size = dims.reduce((total, extent) => total * extent, 1);
  return Math.ceil((size * Float32Array.BYTES_PER_ELEMENT) / ALIGNMENT) * ALIGNMENT;
}

/** Makes memories of zeros for pieces of so many bytes. @returns each piece's place. */
export async function createSlabs(runtime: TrainingRuntime, pieces: readonly number[]): Promise<readonly Place[]> {
  const slabs: { bytes: number; readonly starts: number[] }[] = [];
  for (const bytes of pieces) {
    let slab = slabs.at(-1);
    if (slab === undefined || slab.bytes + bytes > MEMORY_BYTES) slabs.push((slab = { bytes: 0, starts: [] }));
    slab.starts.push(slab.bytes);
    slab.bytes += bytes;
  }
  const places: Place[] = [];
  for (const { bytes, starts } of slabs) {
    const memory = await runtime.createMemory(bytes);
    for (const byteOffset of starts) places.push({ memory, byteOffset });
  }
  return places;
}
