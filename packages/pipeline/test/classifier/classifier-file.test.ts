import fc from "fast-check";
import { describe, expect, it } from "vitest";
import {
  classifyEmbedding,
  ClassifierError,
  CLASSIFIER_LIMITS,
  formatClassifier,
  type ImageClassifier,
  parseClassifier,
} from "../../src/classifier/index.js";

const MODEL = { fingerprint: "0123-fp32", probe: Float32Array.of(0.6, 0.8, 0) };

const PROBE: ImageClassifier = {
  model: MODEL,
  head: {
    method: "linear",
    classes: ["猫", "__proto__"],
    dim: 3,
    weights: Float32Array.of(1, 2, 3, 4, 5, 6),
    bias: Float32Array.of(-0.5, 0.1),
    regularization: 0.01,
  },
};

const ADAPTER: ImageClassifier = {
  model: MODEL,
  head: {
    method: "tip-adapter-f",
    classes: ["猫", "狗"],
    dim: 3,
    texts: Float32Array.of(1, 0, 0, 0, 1, 0),
    keys: Float32Array.of(1, 0, 0, 0, 1, 0, 0, 0, 1),
    labels: [0, 1, 1],
    scale: 100,
    alpha: 3,
    beta: 5.5,
  },
};

/** A field of a written classifier replaced. */
function changed(classifier: ImageClassifier, path: string, value: unknown): string {
  const json = JSON.parse(formatClassifier(classifier)) as Record<string, unknown>;
  const [first = "", second] = path.split(".");
  if (second === undefined) json[first] = value;
  else json[first] = { ...(json[first] as object), [second]: value };
  return JSON.stringify(json);
}

const errorOf = (text: string): unknown => {
  try {
    return parseClassifier(text, "kinds.json");
  } catch (error) {
    return error;
  }
};

describe("parseClassifier", () => {
  it.each([PROBE, ADAPTER])("reads what was written, to the bit", (classifier) => {
    expect(parseClassifier(formatClassifier(classifier))).toEqual(classifier);
    expect(parseClassifier(`\uFEFF${formatClassifier(classifier)}`)).toEqual(classifier);
  });

  it.each<[string, string, string, string]>([
    ["nothing", "", "not-json", "expected a classifier as JSON"],
    ["a cut file", formatClassifier(PROBE).slice(0, -20), "not-json", "is the file cut off"],
    ["an array", "[]", "not-a-classifier", "got an array of 0"],
    ["other JSON", '{"format": "npy"}', "not-a-classifier", "got other JSON"],
    ["an inherited format", '{"__proto__": {"format": "chinese-clip-classifier"}}', "not-a-classifier", "got other JSON"],
    ["a later version", changed(PROBE, "version", 2), "unsupported-version", "update this program"],
    ["no version", changed(PROBE, "version", undefined), "invalid-field", "version: expected a number"],
    ["another method", changed(PROBE, "method", "toString"), "invalid-field", "method: expected linear"],
    ["one label", changed(PROBE, "labels", ["猫"]), "invalid-field", "labels: expected an array of 2"],
    ["a label twice", changed(PROBE, "labels", ["猫", "猫"]), "invalid-field", "labels[1]: expected each name once"],
    ["a label that is none", changed(PROBE, "labels", ["猫", 5]), "invalid-field", "labels[1]: expected a name"],
    ["an endless label", changed(PROBE, "labels", ["猫", "长".repeat(201)]), "invalid-field", "labels[1]"],
    ["more labels than weights", changed(PROBE, "labels", ["a", "b", "c"]), "invalid-field", "weights: expected base64 of 9 float32"],
    ["another size", changed(PROBE, "model.dim", 4), "invalid-field", "model.probe: expected base64 of 4"],
    ["a huge size", changed(PROBE, "model.dim", 1e9), "invalid-field", "model.dim: expected an integer from 1 to 8192"],
    ["no base64", changed(PROBE, "bias", "!".repeat(12)), "invalid-field", "bias: expected base64 of 2"],
    ["NaN", changed(PROBE, "bias", "AADAfwAAwH8="), "invalid-field", "bias: expected values between"],
    ["infinity", changed(PROBE, "bias", "AACAfwAAgH8="), "invalid-field", "bias: expected values between"],
    ["a probe of zeros", changed(PROBE, "model.probe", "A".repeat(16)), "invalid-field", "model.probe: expected an embedding"],
    ["no fingerprint", changed(PROBE, "model.fingerprint", ""), "invalid-field", "model.fingerprint"],
    ["no model", changed(PROBE, "model", null), "invalid-field", "model: expected an object"],
    ["a key of no class", changed(ADAPTER, "keyLabels", [0, 1, 2]), "invalid-field", "keyLabels[2]: expected an integer from 0 to 1"],
    ["no keys", changed(ADAPTER, "keyLabels", []), "invalid-field", "keyLabels: expected an array of 1"],
    ["a beta out of bounds", changed(ADAPTER, "beta", 1e300), "invalid-field", "beta: expected a number"],
  ])("rejects %s", (_, text, code, part) => {
    const error = errorOf(text);
    expect(error).toBeInstanceOf(ClassifierError);
    expect(error).toMatchObject({ code, details: { file: "kinds.json" } });
    expect((error as Error).message).toContain(part);
    expect((error as Error).message).toMatch(/^kinds\.json: /u);
  });

  it("rejects a file that is too large before it is parsed", () => {
    expect(errorOf(" ".repeat(CLASSIFIER_LIMITS.characters + 1))).toMatchObject({ code: "too-large" });
  });

  it("gives finite scores, or an error of its own, whatever the bytes", () => {
    const texts = [formatClassifier(PROBE), formatClassifier(ADAPTER)];
    fc.assert(
      fc.property(fc.constantFrom(...texts), fc.nat(), fc.string({ maxLength: 4 }), fc.nat(8), (text, at, inserted, removed) => {
        const place = at % text.length;
        const found = errorOf(text.slice(0, place) + inserted + text.slice(place + removed));
        if (found instanceof ClassifierError) return;
        const scores = classifyEmbedding((found as ImageClassifier).head, Float32Array.of(0.6, 0, -0.8));
        for (const { score, logit } of scores) expect(Number.isFinite(score) && Number.isFinite(logit)).toBe(true);
      }),
      { numRuns: 2000 },
    );
    expect(Object.keys(Object.prototype)).toEqual([]);
  });

  it("stays finite at the largest numbers that are read", () => {
    const { head } = parseClassifier(
      formatClassifier({
        ...ADAPTER,
        head: { ...ADAPTER.head, keys: new Float32Array(9).fill(1e6), alpha: 1e6, beta: 1e6, scale: 1e6 } as ImageClassifier["head"],
      }),
    );
    for (const { score, logit } of classifyEmbedding(head, Float32Array.of(0.6, 0, 0.8)))
      expect(Number.isFinite(score) && Number.isFinite(logit)).toBe(true);
  });
});

describe("classifyEmbedding", () => {
  it("is the best class first, with probabilities of sum 1", () => {
    const scores = classifyEmbedding(PROBE.head, Float32Array.of(0.6, 0.8, 0));
    expect(scores.map(({ label }) => label)).toEqual(["__proto__", "猫"]);
    expect(scores[0]!.logit).toBeCloseTo(0.6 * 4 + 0.8 * 5 + 0.1, 5);
    expect(scores.reduce((sum, { score }) => sum + score, 0)).toBeCloseTo(1, 12);
  });

  it("adds Tip-Adapter's keys to the texts", () => {
    const [first] = classifyEmbedding(ADAPTER.head, Float32Array.of(0, 0, 1));
    expect(first!.label).toBe("狗");
    expect(first!.logit).toBeCloseTo(3 * (1 + Math.exp(-5.5)), 5);
  });

  it("rejects an embedding of another length", () => {
    expect(() => classifyEmbedding(PROBE.head, new Float32Array(4))).toThrow("expected an embedding of 3 values, got 4");
  });
});
