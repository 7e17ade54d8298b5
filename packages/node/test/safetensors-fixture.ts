import { readFile } from "node:fs/promises";
import { Tensor } from "onnxruntime-common";

/** The tensors of a small safetensors file, read whole. */
export async function readTensors(path: URL): Promise<{ get(name: string): Tensor; metadata: Record<string, string> }> {
  const bytes = await readFile(path);
  const dataStart = 8 + Number(bytes.readBigUInt64LE(0));
  const { __metadata__: metadata, ...entries } = JSON.parse(bytes.toString("utf8", 8, dataStart)) as {
    [name: string]: { dtype: string; shape: number[]; data_offsets: [number, number] };
  } & { __metadata__: Record<string, string> };
  return {
    metadata,
    get(name) {
      const entry = entries[name];
      if (entry === undefined) throw new Error(`${path.pathname}: no tensor ${name}`);
      const [start, end] = entry.data_offsets;
      const copy = new Uint8Array(bytes.subarray(dataStart + start, dataStart + end)).buffer;
      return entry.dtype === "I64"
        ? new Tensor("int64", new BigInt64Array(copy), entry.shape)
        : new Tensor("float32", new Float32Array(copy), entry.shape);
    },
  };
}

/** The largest absolute difference of two float32 tensors of one shape. */
export function maxDifference(actual: Tensor, expected: Tensor): number {
  if (actual.dims.join() !== expected.dims.join() && !(actual.size === 1 && expected.size === 1)) {
    throw new Error(`shape [${actual.dims.join(", ")}], expected [${expected.dims.join(", ")}]`);
  }
  const [a, b] = [actual.data as Float32Array, expected.data as Float32Array];
  return a.reduce((largest, value, i) => Math.max(largest, Math.abs(value - (b[i] ?? Number.NaN))), 0);
}
