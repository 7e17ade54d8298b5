/** The tensors of fixtures/tiny-vit, to be written in other ways and to be compared with. */
import { expect } from "vitest";
import { readCheckpoint } from "../src/index.js";
import { fixtureBytes, memoryFile, safetensors } from "./fixtures.js";
import { load, type Tensor } from "./torch-writer.js";

/** Every tensor of tiny-vit, by its canonical name. */
export async function tinyTensors(): Promise<Map<string, Tensor>> {
  const bytes = await fixtureBytes("tiny-vit/model.safetensors");
  return load((await readCheckpoint([memoryFile("model.pt", bytes)])).tensors, bytes);
}

/** Expects a file to hold tiny-vit's tensors, bit for bit, and no others but those named. */
export async function expectTiny(bytes: Uint8Array, others: readonly string[] = []): Promise<void> {
  const expected = await tinyTensors();
  const actual = load((await readCheckpoint([memoryFile("model.pt", bytes)])).tensors, bytes);
  expect([...actual.keys()].sort()).toEqual([...expected.keys(), ...others].sort());
  for (const [name, { dtype, shape, data }] of expected) {
    const found = actual.get(name);
    expect([found?.dtype, found?.shape], name).toEqual([dtype, shape]);
    expect(Buffer.compare(found?.data ?? new Uint8Array(), data), name).toBe(0); // toEqual takes a minute for these
  }
}

/** A safetensors file of these tensors. */
export function safetensorsOf(tensors: ReadonlyMap<string, Tensor>): Uint8Array {
  let at = 0;
  const header = Object.fromEntries(
    [...tensors].map(([name, { dtype, shape, data }]) => [name, { dtype, shape, data_offsets: [at, (at += data.length)] }]),
  );
  const bytes = safetensors(header, at);
  let place = bytes.length - at;
  for (const { data } of tensors.values()) {
    bytes.set(data, place);
    place += data.length;
  }
  return bytes;
}
