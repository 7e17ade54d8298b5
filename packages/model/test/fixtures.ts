import { readFile } from "node:fs/promises";
import { type CheckpointFile, readCheckpoint, type Checkpoint } from "../src/index.js";

const FIXTURES = new URL("../../../fixtures/", import.meta.url);

/** A checkpoint file whose bytes are in memory, and a note of which of them were read. */
export function memoryFile(name: string, bytes: Uint8Array): CheckpointFile & { readonly reads: [number, number][] } {
  const reads: [number, number][] = [];
  return {
    name,
    byteLength: bytes.byteLength,
    reads,
    async read(start, end) {
      reads.push([start, end]);
      return bytes.slice(start, end);
    },
  };
}

export async function fixtureBytes(path: string): Promise<Uint8Array> {
  return new Uint8Array(await readFile(new URL(path, FIXTURES)));
}

export async function fixtureJson(path: string): Promise<unknown> {
  return JSON.parse(await readFile(new URL(path, FIXTURES), "utf8"));
}

export async function tinyCheckpoint(): Promise<Checkpoint> {
  return readCheckpoint([memoryFile("model.safetensors", await fixtureBytes("tiny-vit/model.safetensors"))]);
}

/** A safetensors file with this header over this many bytes of data. */
export function safetensors(header: unknown, dataLength: number): Uint8Array {
  const json = new TextEncoder().encode(typeof header === "string" ? header : JSON.stringify(header));
  const bytes = new Uint8Array(8 + json.length + dataLength);
  new DataView(bytes.buffer).setBigUint64(0, BigInt(json.length), true);
  bytes.set(json, 8);
  return bytes;
}
