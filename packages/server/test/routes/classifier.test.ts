/** Few-shot classifiers of the server, by name. */
import type { ImageClassifier } from "@chinese-clip/pipeline/classifier";
import { expect, it } from "vitest";
import { createHandler } from "../../src/index.js";
import { DIM, embeddingOf, FakeEmbedder } from "../fake-embedder.js";
import { expectError, send } from "../requests.js";

const CAT = new Uint8Array([137, 80, 78, 71, 1]);
const DOG = new Uint8Array([137, 80, 78, 71, 2]);
const inputOf = (bytes: Uint8Array): unknown => ({ image: Buffer.from(bytes).toString("base64") });

const classifier: ImageClassifier = {
  model: { fingerprint: "model-a", probe: embeddingOf(CAT) },
  head: {
    method: "linear",
    classes: ["猫", "狗"],
    dim: DIM,
    weights: Float32Array.from([...embeddingOf(CAT), ...embeddingOf(DOG)]),
    bias: new Float32Array(2),
    regularization: 1,
  },
};

const serverOf = (): ReturnType<typeof createHandler> =>
  createHandler({ embedder: new FakeEmbedder(), classifiers: { kinds: classifier, constructor: classifier } });

it("classifies by a classifier, best class first, without embedding a text", async () => {
  const embedder = new FakeEmbedder();
  const handler = createHandler({ embedder, classifiers: { kinds: classifier } });
  const { body } = await send(handler, "POST", "/v1/classify", { input: [inputOf(DOG), inputOf(CAT)], classifier: "kinds" });
  expect(body.data.map(({ labels }: { labels: { label: string }[] }) => labels[0]?.label)).toEqual(["狗", "猫"]);
  const [first, second] = body.data[0].labels;
  expect(first.logit).toBeCloseTo(1, 5);
  expect(first.score + second.score).toBeCloseTo(1, 12);
  expect(first).not.toHaveProperty("similarity");
  expect(embedder.texts).toEqual([]);
  const top = await send(handler, "POST", "/v1/classify", { input: inputOf(DOG), classifier: "kinds", top: 1 });
  expect(top.body.data[0].labels).toHaveLength(1);
});

it.each([
  ["an unknown name", { classifier: "other" }, 'expected one of kinds, constructor, got "other"'],
  ["a name that every object has", { classifier: "toString" }, 'got "toString"'],
  ["labels beside it", { classifier: "kinds", labels: ["猫"] }, "expected labels or classifier, and not both"],
  ["neither", {}, "expected labels or classifier, and not both"],
  ["a template beside it", { classifier: "kinds", template: "{}" }, "template: expected none beside classifier"],
])("rejects %s", async (_, rest, message) => {
  const answer = await send(serverOf(), "POST", "/v1/classify", { input: inputOf(CAT), ...rest });
  expectError(answer, 400, "invalid-request");
  expect(answer.body.error.message).toContain(message);
});

it("rejects a classifier of another size when the server is made", () => {
  const other = { ...classifier, head: { ...classifier.head, dim: 4 } as ImageClassifier["head"] };
  expect(() => createHandler({ embedder: new FakeEmbedder(), classifiers: { kinds: other } })).toThrow("to take 8 values, got 4");
});
