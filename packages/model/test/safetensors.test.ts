import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { CheckpointError, readCheckpoint } from "../src/index.js";
import { fixtureBytes, memoryFile, safetensors } from "./fixtures.js";

const read = (bytes: Uint8Array) => readCheckpoint([memoryFile("model.safetensors", bytes)]);

describe("readCheckpoint", () => {
  it("reads the header only, and gives each tensor's place", async () => {
    const bytes = await fixtureBytes("tiny-vit/model.safetensors");
    const file = memoryFile("model.safetensors", bytes);
    const { tensors } = await readCheckpoint([file]);
    expect(tensors.get("vision_model.embeddings.patch_embedding.weight")).toMatchObject({
      dtype: "F32",
      shape: [64, 3, 8, 8],
      byteLength: 49152,
    });
    const end = Math.max(...file.reads.map(([, to]) => to));
    expect(Math.min(...[...tensors.values()].map(({ byteOffset }) => byteOffset))).toBe(end);
    expect(Math.max(...[...tensors.values()].map(({ byteOffset, byteLength }) => byteOffset + byteLength))).toBe(bytes.length);
  });

  it("reads a scalar, of shape [] or [1]", async () => {
    for (const shape of [[], [1]]) {
      const bytes = safetensors({ logit_scale: { dtype: "F32", shape, data_offsets: [0, 4] } }, 4);
      new DataView(bytes.buffer).setFloat32(bytes.length - 4, 4.5, true);
      expect(await (await read(bytes)).scalar("logit_scale")).toBe(4.5);
    }
  });

  it("names tensors of a tower that was saved alone as in the whole model", async () => {
    const text = await read(safetensors({ "embeddings.word_embeddings.weight": { dtype: "F32", shape: [1], data_offsets: [0, 4] } }, 4));
    expect([...text.tensors.keys()]).toEqual(["text_model.embeddings.word_embeddings.weight"]);
    const vision = await read(safetensors({ "embeddings.class_embedding": { dtype: "F32", shape: [1], data_offsets: [0, 4] } }, 4));
    expect([...vision.tensors.keys()]).toEqual(["vision_model.embeddings.class_embedding"]);
  });

  const entry = (extra: object): object => ({ a: { dtype: "F32", shape: [2], data_offsets: [0, 8], ...extra } });
  it.each([
    ["an empty file", new Uint8Array(0), /a file of 0 bytes/],
    ["a length beyond the file", safetensors("{}", 0).fill(0xff, 0, 7), /not a safetensors file .*or it is cut short/],
    ["an HTML page", new TextEncoder().encode("<!doctype html><html><body>502 Bad Gateway</body></html>"), /not a safetensors file/],
    ["a header that is no JSON", safetensors("{nope}", 0), /JSON/],
    ["a header that is no UTF-8", safetensors("{}", 0).fill(0xff, 8, 9), /JSON in UTF-8/],
    ["a header that is a list", safetensors("[]", 0), /JSON object/],
    ["an entry that is no object", safetensors({ a: 3 }, 0), /tensor a/],
    ["an unknown dtype", safetensors(entry({ dtype: "F31" }), 8), /tensor a: expected a dtype/],
    ["a negative size", safetensors(entry({ shape: [-2] }), 8), /tensor a: expected a shape/],
    ["a size that is no whole number", safetensors(entry({ shape: [1.5] }), 8), /tensor a: expected a shape/],
    ["a product beyond 2^53", safetensors(entry({ shape: [2 ** 40, 2 ** 40] }), 8), /tensor a: expected \d/],
    ["one offset", safetensors(entry({ data_offsets: [0] }), 8), /two data_offsets/],
    ["a length other than the shape's", safetensors(entry({ shape: [3] }), 8), /expected 12 bytes/],
    ["data beyond the end of the file", safetensors(entry({}), 4), /cut short/],
    ["bytes that no tensor owns", safetensors(entry({}), 12), /end with the file/],
    [
      "a hole",
      safetensors({ ...entry({}), b: { dtype: "U8", shape: [1], data_offsets: [9, 10] } }, 10),
      /tensor b: expected its data at byte 8/,
    ],
    [
      "an overlap",
      safetensors({ ...entry({}), b: { dtype: "U8", shape: [2], data_offsets: [7, 9] } }, 9),
      /tensor b: expected its data at byte 8/,
    ],
  ])("refuses %s, naming file and fault", async (_, bytes, message) => {
    const error = await read(bytes).catch((thrown: unknown) => thrown);
    expect(error).toBeInstanceOf(CheckpointError);
    expect(error).toMatchObject({ code: "malformed", details: { file: "model.safetensors" } });
    expect(String(error)).toMatch(/model\.safetensors: /);
    expect(String(error)).toMatch(message);
  });

  it("takes tensors of no elements and __proto__ as a name", async () => {
    const { tensors } = await read(
      safetensors('{"__proto__":{"dtype":"F32","shape":[0,3],"data_offsets":[0,0]},"b":{"dtype":"I8","shape":[],"data_offsets":[0,1]}}', 1),
    );
    expect([...tensors.keys()]).toEqual(["__proto__", "b"]);
  });

  it("refuses a tensor that two files hold", async () => {
    const bytes = safetensors(entry({}), 8);
    await expect(readCheckpoint([memoryFile("one", bytes), memoryFile("two", bytes)])).rejects.toThrow(
      /two: tensor a: .* one holds it too/,
    );
  });

  it("names a tensor that is missing, has another shape, or another dtype", async () => {
    const checkpoint = await read(safetensors({ h: { dtype: "I16", shape: [2], data_offsets: [0, 4] } }, 4));
    expect(() => checkpoint.tensor("g", [1])).toThrow(
      expect.objectContaining({ code: "missing-tensor", message: expect.stringContaining("tensor g of shape [1]") }),
    );
    expect(() => checkpoint.tensor("h", [3])).toThrow(
      expect.objectContaining({
        code: "shape-mismatch",
        message: expect.stringContaining("expected shape [3] by the configuration, got [2]"),
      }),
    );
    expect(() => checkpoint.tensor("h", [2])).toThrow(
      expect.objectContaining({ code: "unsupported-dtype", message: expect.stringContaining("got I16") }),
    );
  });

  it("reads mutated files or refuses them with its own error, within the file's bounds", async () => {
    const whole = await fixtureBytes("tiny-vit/model.safetensors");
    const headerLength = 8 + Number(new DataView(whole.buffer).getBigUint64(0, true));
    const byte = fc.oneof(fc.nat(255), fc.constantFrom(0x30, 0x39, 0x2d, 0x5d, 0x7d, 0x2c, 0x22));
    // One edit leaves most of the header's sense in place; several, or a cut, leave little.
    const edits = fc.array(fc.tuple(fc.oneof(fc.nat(headerLength - 1), fc.nat(24)), byte), { minLength: 1, maxLength: 3 });
    const cut = fc.oneof({ weight: 4, arbitrary: fc.constant(whole.length) }, { weight: 1, arbitrary: fc.nat(whole.length) });
    await fc.assert(
      fc.asyncProperty(edits, cut, async (changes, end) => {
        const bytes = whole.slice(0, end);
        for (const [at, value] of changes) bytes[at] = value;
        try {
          for (const { byteOffset, byteLength } of (await read(bytes)).tensors.values()) {
            expect(byteOffset + byteLength).toBeLessThanOrEqual(bytes.length);
          }
        } catch (error) {
          if (!(error instanceof CheckpointError)) throw error;
        }
      }),
      { numRuns: 2500 },
    );
  });
});
