import { Checkpoint, type CheckpointFile, type StoredTensor } from "@chinese-clip/model";
import { describe, expect, it } from "vitest";
import { fingerprintCheckpoint } from "../../src/loading/fingerprint.js";

const QUERY = "text_model.encoder.layer.0.attention.self.query.weight";

/** A checkpoint of one matrix with these bytes; reads of its file are counted. */
function checkpoint(bytes: Uint8Array, file: Partial<CheckpointFile> = {}): { checkpoint: Checkpoint; reads: () => number } {
  let reads = 0;
  const read = (start: number, end: number): Promise<Uint8Array> => {
    reads++;
    return Promise.resolve(bytes.subarray(start, end));
  };
  const opened: CheckpointFile = { name: "model.safetensors", byteLength: bytes.length, read, ...file };
  const stored: StoredTensor = {
    dtype: "F32",
    shape: [2, 2],
    file: opened.name,
    byteOffset: 0,
    byteLength: bytes.length,
    transposed: false,
  };
  return { checkpoint: new Checkpoint(new Map([[QUERY, stored]]), [opened]), reads: () => reads };
}

const weights = Uint8Array.from({ length: 16 }, (_, i) => i);
const others = Uint8Array.from({ length: 16 }, (_, i) => i + 1);

describe("fingerprints", () => {
  it("are of the bytes, whatever the file is called", async () => {
    const [a, b, c] = [checkpoint(weights), checkpoint(weights, { name: "other.bin" }), checkpoint(others)];
    const print = await fingerprintCheckpoint(a.checkpoint, 4.6, "fp32");
    expect(await fingerprintCheckpoint(b.checkpoint, 4.6, "fp32")).toBe(print);
    expect(await fingerprintCheckpoint(c.checkpoint, 4.6, "fp32")).not.toBe(print);
    expect(await fingerprintCheckpoint(a.checkpoint, 4.6, "q8")).not.toBe(print);
  });

  it("read no weight where a file's version is known: a text query must not fetch a byte of the image tower", async () => {
    const [a, b] = [checkpoint(weights, { version: '"1"' }), checkpoint(weights, { version: '"2"' })];
    const print = await fingerprintCheckpoint(a.checkpoint, 4.6, "fp32");
    expect(await fingerprintCheckpoint(b.checkpoint, 4.6, "fp32")).not.toBe(print);
    expect([a.reads(), b.reads()]).toEqual([0, 0]);
  });
});
