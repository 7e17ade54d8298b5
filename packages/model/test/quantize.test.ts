import fc from "fast-check";
import { describe, expect, it } from "vitest";
import {
  buildTextGraph,
  buildVisionGraph,
  ChineseCLIPConfig,
  encodeGraph,
  quantizedDtype,
  readCheckpoint,
  type TowerDtype,
} from "../src/index.js";
import { planTower } from "../src/quantize.js";
import { quantizeInt4 } from "../src/quantize/int4-matrix.js";
import { moveToUint8, quantizeInt8, quantizeTable } from "../src/quantize/int8-matrix.js";
import { decodeFloats } from "../src/weights/float-values.js";
import { toFloat16 } from "../src/weights/float16.js";
import { fixtureBytes, memoryFile, safetensors } from "./fixtures.js";

const halves = (values: Float32Array): Float32Array => decodeFloats(new Uint8Array(toFloat16(values).buffer), "F16");

describe("half precision", () => {
  it("gives every half back", () => {
    const all = Uint16Array.from({ length: 0x10000 }, (_, bits) => bits);
    const back = toFloat16(decodeFloats(new Uint8Array(all.buffer), "F16"));
    const isNaN = (bits: number): boolean => (bits & 0x7fff) > 0x7c00;
    expect(all.filter((bits, i) => (isNaN(bits) ? !isNaN(back[i]!) : back[i] !== bits))).toHaveLength(0);
  });

  it("takes the nearest, of two the even one", () => {
    const step = 2 ** -10;
    expect([
      ...halves(Float32Array.of(1 + 0.5 * step, 1 + 1.5 * step, 1 + 0.51 * step, 65519, 65520, -1e9, 2 ** -24, 2 ** -25, 1.5 * 2 ** -24)),
    ]).toEqual([1, 1 + 2 * step, 1 + step, 65504, Infinity, -Infinity, 2 ** -24, 0, 2 ** -23]);
    fc.assert(
      fc.property(fc.float({ min: -65504, max: 65504, noNaN: true }), (value) => {
        const [half = Number.NaN] = halves(Float32Array.of(value));
        const exponent = Math.max(-14, Math.floor(Math.log2(Math.abs(value) || 1)));
        return Math.abs(half - value) <= 2 ** (exponent - 11);
      }),
    );
  });
});

const matrix = fc
  .tuple(
    fc.integer({ min: 1, max: 40 }),
    fc.integer({ min: 1, max: 3 }).map((blocks) => 32 * blocks),
  )
  .chain(([N, K]) =>
    fc.record({
      N: fc.constant(N),
      K: fc.constant(K),
      weight: fc.float32Array({ minLength: N * K, maxLength: N * K, min: -100, max: 100, noNaN: true }),
      scale: fc.float32Array({ minLength: K, maxLength: K, min: 0.5, max: 20, noNaN: true }),
    }),
  );

describe("quantised matrices", () => {
  it("are within half a step in int8, transposed", () => {
    fc.assert(
      fc.property(matrix, ({ N, K, weight, scale }) => {
        const { values, scales } = quantizeInt8(weight, [N, K], scale);
        return weight.every((value, i) => {
          const [n, k] = [Math.floor(i / K), i % K];
          return Math.abs(values[k * N + n]! * scales[n]! - value * scale[k]!) <= 0.5001 * scales[n]! + 1e-6;
        });
      }),
      { numRuns: 30 },
    );
  });

  it("are within half a step in 8 bits around 128, block by block", () => {
    fc.assert(
      fc.property(matrix, ({ weight }) => {
        const { values, scales } = quantizeTable(weight, 32);
        return weight.every((value, i) => {
          const scale = scales[Math.floor(i / 32)]!;
          return Math.abs((values[i]! - 128) * scale - value) <= 0.5001 * scale + 1e-6;
        });
      }),
      { numRuns: 30 },
    );
  });

  it("are within the range's sixteenth in 4 bits, and no worse than the uncut grid", () => {
    fc.assert(
      fc.property(matrix, ({ N, K, weight, scale: squares }) => {
        const { values, scales: halfScales, zeroPoints } = quantizeInt4(weight, [N, K], squares, 32);
        const scales = decodeFloats(new Uint8Array(halfScales.buffer), "F16");
        const blocks = K / 32;
        for (let n = 0; n < N; n++) {
          for (let b = 0; b < blocks; b++) {
            const wanted = Array.from({ length: 32 }, (_, i) => weight[n * K + b * 32 + i]!);
            const zero = (zeroPoints[n * Math.ceil(blocks / 2) + (b >> 1)]! >> (4 * (b % 2))) & 15;
            const got = wanted.map(
              (_, i) => (((values[(n * K + b * 32 + i) >> 1]! >> (4 * (i % 2))) & 15) - zero) * scales[n * blocks + b]!,
            );
            const range = Math.max(0, ...wanted) - Math.min(0, ...wanted);
            const counted = (error: number, i: number): number => squares[b * 32 + i]! * error ** 2;
            const error = wanted.reduce((sum, value, i) => sum + counted(value - got[i]!, i), 0);
            // The uncut grid errs by half a step at most, and by one at its ends, where the zero point was rounded; its step has 11 bits.
            const bound = wanted.reduce((sum, value, i) => sum + counted(range / 15 + Math.abs(value) / 1024, i), 0);
            expect(error).toBeLessThanOrEqual(bound + 1e-6);
          }
        }
      }),
      { numRuns: 30 },
    );
  });

  it("keep nothing but zeros where there is nothing but zeros", () => {
    expect(quantizeInt8(new Float32Array(64), [2, 32], new Float32Array(32).fill(1)).values.every((value) => value === 0)).toBe(true);
    const { scales } = quantizeInt4(new Float32Array(64), [2, 32], new Float32Array(32).fill(1), 32);
    expect([...scales]).toEqual([0, 0]);
  });
});

async function tinyModel(name: "tiny-vit" | "tiny-rn50" = "tiny-vit") {
  const file = name === "tiny-vit" ? "model.safetensors" : "clip_cn_tiny-rn50.pt";
  return readCheckpoint([memoryFile(file, await fixtureBytes(`${name}/${file}`))]);
}

async function bytesOf(chunks: AsyncIterable<Uint8Array>): Promise<Uint8Array> {
  const parts: Uint8Array[] = [];
  for await (const chunk of chunks) parts.push(chunk);
  return new Uint8Array(Buffer.concat(parts));
}

describe("planTower", () => {
  const cases = (["fp16", "q8", "q4"] as const).flatMap((dtype) => (["text", "vision"] as const).map((tower) => ({ dtype, tower })));

  it.each(cases)("says where $tower in $dtype will lie before it is written", async ({ dtype, tower }) => {
    const file = planTower(await tinyModel(), tower, dtype, "tower.safetensors");
    const bytes = await bytesOf(file.chunks());
    expect(bytes.length).toBe(file.byteLength);
    const read = await readCheckpoint([memoryFile("tower.safetensors", bytes)]);
    expect(new Map(read.tensors)).toEqual(new Map(file.checkpoint.tensors));
    expect(quantizedDtype(read)).toBe(dtype === "fp16" ? undefined : dtype);
  });

  it.each(["q8", "q4"] as const)("has the same weights in uint8, moved by 128, at the same places", async (dtype) => {
    for (const tower of ["text", "vision"] as const) {
      const checkpoint = await tinyModel();
      const [int8, uint8] = [planTower(checkpoint, tower, dtype, "t"), planTower(checkpoint, tower, dtype, "t", "uint8")];
      const [signed, moved] = [await bytesOf(int8.chunks()), await bytesOf(uint8.chunks())];
      expect(moved.length).toBe(signed.length);
      const read = await readCheckpoint([memoryFile("t", moved)]);
      expect(new Map(read.tensors)).toEqual(new Map(uint8.checkpoint.tensors));
      expect(quantizedDtype(read)).toBe(dtype);
      let matrices = 0;
      for (const [name, { dtype: stored, byteOffset, byteLength, ...where }] of int8.checkpoint.tensors) {
        const [before, after] = [signed, moved].map((bytes) => bytes.subarray(byteOffset, byteOffset + byteLength));
        if (stored === "I8") matrices++;
        expect(uint8.checkpoint.tensors.get(name)).toEqual({ dtype: stored === "I8" ? "U8" : stored, byteOffset, byteLength, ...where });
        expect(after).toEqual(stored === "I8" ? before?.map((byte) => byte ^ 0x80) : before);
      }
      expect(matrices > 0).toBe(dtype === "q8" || tower === "vision"); // in 4 bits the text tower has none
    }
  });

  it("moves arrays of any length and place", () => {
    for (let length = 0; length < 12; length++) {
      for (let start = 0; start < 5; start++) {
        const bytes = Int8Array.from({ length: 20 }, (_, i) => i - 10);
        const expected = bytes.map((value, i) => (i >= start && i < start + length ? value ^ 0x80 : value));
        moveToUint8(bytes.subarray(start, start + length));
        expect(bytes).toEqual(expected);
      }
    }
  });

  it("takes the one tower, and less room than it has", async () => {
    const checkpoint = await tinyModel();
    const size = async (tower: "text" | "vision", dtype: TowerDtype): Promise<number> =>
      planTower(checkpoint, tower, dtype, "x").byteLength;
    for (const tower of ["text", "vision"] as const) {
      const fp32 = [...checkpoint.tensors]
        .filter(([name]) => name.startsWith(tower))
        .reduce((sum, [, { byteLength }]) => sum + byteLength, 0);
      expect(await size(tower, "fp16")).toBeLessThan(0.7 * fp32);
      expect(await size(tower, "q8")).toBeLessThan(await size(tower, "fp16"));
      expect(await size(tower, "q4")).toBeLessThan(await size(tower, "q8"));
      expect(
        [...planTower(checkpoint, tower, "q8", "x").checkpoint.tensors.keys()].every(
          (name) => name.startsWith(tower.slice(0, 3)) || (tower === "text" && name === "logit_scale"),
        ),
      ).toBe(true);
    }
  });

  it("gives graphs that the builders make of what is stored", async () => {
    const config = ChineseCLIPConfig.fromJSON(JSON.parse(new TextDecoder().decode(await fixtureBytes("tiny-vit/config.json"))));
    const checkpoint = await tinyModel();
    const text = await buildTextGraph(
      config.textConfig,
      planTower(checkpoint, "text", "q8", "t").checkpoint,
      { kind: "features" },
      config.projectionDim,
    );
    const vision = await buildVisionGraph(
      config.visionConfig,
      planTower(checkpoint, "vision", "q4", "v").checkpoint,
      { kind: "features" },
      config.projectionDim,
    );
    expect(text.files).toEqual(["t"]);
    expect(vision.files).toEqual(["v"]);
    expect(new TextDecoder("latin1").decode((await encodeGraph(text)).model)).toContain("MatMulIntegerToFloat");
    expect(new TextDecoder("latin1").decode((await encodeGraph(vision)).model)).toContain("MatMulNBits");
  });

  it("stores a ResNet in half precision", async () => {
    const file = planTower(await tinyModel("tiny-rn50"), "vision", "q8", "v");
    expect(new Set([...file.checkpoint.tensors.values()].map(({ dtype }) => dtype))).toEqual(new Set(["F16", "F32"]));
    expect((await bytesOf(file.chunks())).length).toBe(file.byteLength);
  });

  it("names the tensor that a layer lacks", async () => {
    const entries = { "text_model.encoder.layer.0.attention.self.query.weight": { dtype: "F32", shape: [4, 4], data_offsets: [0, 64] } };
    const checkpoint = await readCheckpoint([memoryFile("model.safetensors", safetensors(entries, 64))]);
    await expect(bytesOf(planTower(checkpoint, "text", "q8", "t").chunks())).rejects.toMatchObject({
      name: "CheckpointError",
      code: "missing-tensor",
      message: expect.stringContaining("text_model.embeddings.word_embeddings.weight"),
    });
  });
});
