import { readFile } from "node:fs/promises";
import type { TrainingRuntime } from "@chinese-clip/model";
import { createTrainingRuntime } from "@chinese-clip/node";
import createWabt from "wabt";
import { afterAll, describe, expect, it } from "vitest";
import { AdamW, decays, ParameterMemory } from "../src/index.js";
import { ADAMW_KERNEL_BYTES } from "../src/optimizer/adamw-kernel-bytes.js";
import { randomNumbers } from "./random.js";

const runtime: TrainingRuntime = createTrainingRuntime({ numThreads: 1 });
afterAll(() => runtime.dispose());

const SETTINGS = { betas: [0.9, 0.98], epsilon: 1e-6, weightDecay: 0.01 } as const;

describe("AdamW", () => {
  it("takes torch's steps, of any length of parameter, and leaves what pads it at 0", async () => {
    const random = randomNumbers(3);
    const numbers = (length: number): Float32Array => Float32Array.from({ length }, () => random() - 0.5);
    const shapes = { "a.weight": [5, 7], "b.bias": [3], logit_scale: [], "c.weight": [64] };
    const parameters = Object.entries(shapes).map(([name, dims]) => ({ name, dims }));
    const memory = await ParameterMemory.create(runtime, parameters, new Set(Object.keys(shapes)));
    const expected = new Map(
      parameters.map(({ name, dims }) => {
        const values = numbers(dims.reduce((a, b) => a * b, 1));
        return [
          name,
          { p: Float64Array.from(values), m: new Float64Array(values.length), v: new Float64Array(values.length), values },
        ] as const;
      }),
    );
    for (const [name, { values }] of expected) await memory.write(name, values);
    const optimizer = new AdamW(runtime, memory, SETTINGS);
    for (let step = 1; step <= 5; step++) {
      const rate = 0.01 / step;
      for (const [name, { p, m, v }] of expected) {
        const gradient = numbers(p.length);
        await memory.write(name, gradient, "gradient");
        for (let i = 0; i < p.length; i++) {
          const g = gradient[i]!;
          m[i] = 0.9 * m[i]! + 0.1 * g;
          v[i] = 0.98 * v[i]! + 0.02 * g * g;
          const denominator = Math.sqrt(v[i]! / (1 - 0.98 ** step)) + 1e-6;
          p[i] = p[i]! * (1 - (decays(name) ? rate * 0.01 : 0)) - (rate * m[i]!) / (1 - 0.9 ** step) / denominator;
        }
      }
      await optimizer.step(step, rate);
    }
    for (const [name, { p, m, v }] of expected) {
      for (const [part, values] of [
        ["parameter", p],
        ["first", m],
        ["second", v],
      ] as const) {
        // prettier-ignore
        const found = await memory.read(name, part);
        for (const [i, value] of values.entries()) expect(Math.abs(found[i]! - value), `${name} ${part}`).toBeLessThan(1e-6);
        const { memory: number, start, end } = memory.range(name, part);
        const padded = await runtime.read(number, start, (end - start) / 4);
        expect(padded.slice(values.length).every((value) => value === 0)).toBe(true);
      }
    }
  });

  it("measures, scales and finds what is not finite in the gradients", async () => {
    const memory = await ParameterMemory.create(runtime, [{ name: "w", dims: [3] }, { name: "u", dims: [2] }], new Set(["w", "u"])); // prettier-ignore
    const optimizer = new AdamW(runtime, memory, SETTINGS);
    await memory.write("w", Float32Array.of(1, 2, 4), "gradient");
    await memory.write("u", Float32Array.of(0, 2), "gradient");
    expect(await optimizer.gradientNorm()).toBe(5);
    await optimizer.scaleGradients(0.5);
    expect(Array.from(await memory.read("w", "gradient"))).toEqual([0.5, 1, 2]);
    await memory.write("u", Float32Array.of(0, Number.NaN), "gradient");
    expect(await optimizer.gradientNorm()).toBeNaN();
  });

  it("clamps", async () => {
    const memory = await ParameterMemory.create(runtime, [{ name: "w", dims: [3] }], new Set(["w"]));
    await memory.write("w", Float32Array.of(-1, 2, 7));
    await new AdamW(runtime, memory, SETTINGS).clamp("w", 0, 5);
    expect(Array.from(await memory.read("w"))).toEqual([0, 2, 5]);
  });
});

describe("ParameterMemory", () => {
  it("rejects values of another size, and names that it does not have", async () => {
    const memory = await ParameterMemory.create(runtime, [{ name: "w", dims: [3] }], new Set());
    await expect(memory.write("w", new Float32Array(2))).rejects.toThrow("expected 3 values of w, got 2");
    expect(() => memory.tensor("u")).toThrow("expected a parameter u, got none");
  });
});

describe("decays", () => {
  it.each([
    ["text_model.encoder.layer.0.attention.output.LayerNorm.weight", true],
    ["text_model.encoder.layer.0.attention.output.LayerNorm.bias", false],
    ["text_model.embeddings.word_embeddings.weight", true],
    ["vision_model.encoder.layers.0.layer_norm1.weight", false],
    ["vision_model.pre_layrnorm.weight", false],
    ["vision_model.post_layernorm.weight", false],
    ["vision_model.embeddings.class_embedding", true],
    ["vision_model.encoder.layers.0.mlp.fc1.weight", true],
    ["visual_projection.weight", true],
    ["visual.bn1.weight", false],
    ["visual.layer1.0.bn3.weight", false],
    ["visual.layer1.0.downsample.1.weight", true], // a batch norm, whose name does not say so
    ["visual.attnpool.positional_embedding", true],
    ["logit_scale", false],
  ])("%s: %s", (name, expected) => {
    expect(decays(name)).toBe(expected);
  });
});

it("has the kernel that its source assembles to", async () => {
  const wabt = await createWabt();
  const source = await readFile(new URL("../wasm/adamw.wat", import.meta.url), "utf8");
  const { buffer } = wabt.parseWat("adamw.wat", source, { simd: true }).toBinary({});
  expect(Buffer.from(buffer).toString("base64")).toBe(ADAMW_KERNEL_BYTES);
});
