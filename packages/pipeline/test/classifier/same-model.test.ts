/** A classifier goes with its model: across dtypes and platforms, and to no other. */
import { describe, expect, it } from "vitest";
import { checkClassifierModel, describeModel, type ImageClassifier, type ProbeEmbedder, probeImage } from "../../src/classifier/index.js";

/** A model whose embedding of the probe points somewhere. */
function modelOf(fingerprint: string, embedding: readonly number[], calls: unknown[] = []): ProbeEmbedder {
  return {
    dim: embedding.length,
    fingerprint,
    async *embedImages(images) {
      let index = 0;
      for await (const input of images) {
        calls.push(input);
        yield { index: index++, input, embedding: Float32Array.from(embedding) };
      }
    },
  };
}

const length = Math.hypot(1, 0.1);

describe("checkClassifierModel", () => {
  const classifier: ImageClassifier = {
    model: { fingerprint: "a-fp32", probe: Float32Array.of(1, 0) },
    head: {
      method: "linear",
      classes: ["猫", "狗"],
      dim: 2,
      weights: new Float32Array(4),
      bias: new Float32Array(2),
      regularization: 1,
    },
  };

  it("takes an equal fingerprint without embedding", async () => {
    const calls: unknown[] = [];
    await checkClassifierModel(classifier, modelOf("a-fp32", [0, 1], calls));
    expect(calls).toEqual([]);
  });

  it("takes the same weights under another fingerprint, as q8 and browsers have", async () => {
    await expect(checkClassifierModel(classifier, modelOf("b-q8", [1 / length, 0.1 / length]))).resolves.toBeUndefined();
  });

  it.each([
    ["other weights", modelOf("c-fp32", [0.6, 0.8])],
    ["another size", modelOf("a-fp32", [1, 0, 0])],
  ])("rejects %s", async (_, model) => {
    await expect(checkClassifierModel(classifier, model)).rejects.toMatchObject({
      name: "ClassifierError",
      code: "other-model",
      details: { expected: "a-fp32", got: model.fingerprint },
    });
  });
});

it("describes a model by its embedding of one PNG", async () => {
  const calls: Uint8Array[] = [];
  const model = await describeModel(modelOf("a-fp32", [1, 0], calls));
  expect(model).toEqual({ fingerprint: "a-fp32", probe: Float32Array.of(1, 0) });
  expect([...calls[0]!.subarray(1, 4)]).toEqual([...Buffer.from("PNG")]);
  expect(probeImage()).toEqual(calls[0]);
});
