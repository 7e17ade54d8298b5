import { Tensor } from "onnxruntime-common";
import { describe, expect, it } from "vitest";
import { checkpointGraphs, ChineseCLIPConfig, ChineseCLIPModel, type TowerGraph, type GraphSession } from "../src/index.js";
import { contrastiveLoss, normalizeRows, scaledProducts, transposed } from "../src/towers/similarity.js";
import { fixtureJson, tinyCheckpoint } from "./fixtures.js";

const config = ChineseCLIPConfig.fromJSON(await fixtureJson("tiny-vit/config.json"));
const checkpoint = await tinyCheckpoint();

/** A runtime that only takes notes, and answers with zeros of the shapes that the graph promises. */
function spyRuntime(failures = 0): {
  graphs: TowerGraph[];
  feeds: Readonly<Record<string, Tensor>>[];
  disposed: TowerGraph[];
  createSession: (graph: TowerGraph) => Promise<GraphSession>;
} {
  const graphs: TowerGraph[] = [];
  const feeds: Readonly<Record<string, Tensor>>[] = [];
  const disposed: TowerGraph[] = [];
  let left = failures;
  return {
    graphs,
    feeds,
    disposed,
    async createSession(graph) {
      if (left-- > 0) throw new Error("out of memory");
      graphs.push(graph);
      return {
        async run(given) {
          feeds.push(given);
          const rows = Object.values(given)[0]?.dims[0] ?? 0;
          return Object.fromEntries(
            graph.outputs.map((name) => [name, new Tensor("float32", new Float32Array(rows * 40).fill(1), [rows, 40])]),
          );
        },
        async dispose() {
          disposed.push(graph);
        },
      };
    },
  };
}

const graphsOf = await checkpointGraphs(config);
const modelOn = (createSession: (graph: TowerGraph) => Promise<GraphSession>): ChineseCLIPModel =>
  new ChineseCLIPModel({ config, graphs: graphsOf(checkpoint), createSession, logitScale: Math.log(50) });
const ids = (dims: readonly number[], value = 1n): Tensor =>
  new Tensor("int64", new BigInt64Array(dims.reduce((a, b) => a * b, 1)).fill(value), dims);
const pixels = (dims: readonly number[]): Tensor => new Tensor("float32", new Float32Array(dims.reduce((a, b) => a * b, 1)), dims);

describe("ChineseCLIPModel", () => {
  it("loads a tower when it is first asked, once for each variant, and the other never", async () => {
    const runtime = spyRuntime();
    const model = modelOn(runtime.createSession);
    expect(runtime.graphs).toHaveLength(0);
    await Promise.all([model.getTextFeatures({ inputIds: ids([1, 4]) }), model.getTextFeatures({ inputIds: ids([2, 4]) })]);
    expect(runtime.graphs.map(({ outputs }) => outputs)).toEqual([["text_features"]]);
    await model.getImageFeatures({ pixelValues: pixels([1, 3, 32, 32]) });
    await model.getImageFeatures({ pixelValues: pixels([1, 3, 32, 32]), interpolatePosEncoding: true });
    expect(runtime.graphs).toHaveLength(2);
    await model.getImageFeatures({ pixelValues: pixels([1, 3, 40, 48]), interpolatePosEncoding: true });
    expect(runtime.graphs).toHaveLength(3);
  });

  it("fills in the mask and the token types", async () => {
    const runtime = spyRuntime();
    await modelOn(runtime.createSession).getTextFeatures({ inputIds: ids([1, 3], 5n) });
    expect(runtime.feeds[0]?.["attention_mask"]?.data).toEqual(BigInt64Array.of(1n, 1n, 1n));
    expect(runtime.feeds[0]?.["token_type_ids"]?.data).toEqual(BigInt64Array.of(0n, 0n, 0n));
  });

  it("gives the trained logit scale as a factor", () => {
    expect(modelOn(spyRuntime().createSession).logitScale).toBeCloseTo(50, 12);
  });

  it("tries again after a session that could not be made", async () => {
    const runtime = spyRuntime(1);
    const model = modelOn(runtime.createSession);
    await expect(model.getTextFeatures({ inputIds: ids([1, 2]) })).rejects.toThrow("out of memory");
    await expect(model.getTextFeatures({ inputIds: ids([1, 2]) })).resolves.toBeInstanceOf(Tensor);
  });

  it("releases every session, and refuses work afterwards", async () => {
    const runtime = spyRuntime();
    const model = modelOn(runtime.createSession);
    await model.getTextFeatures({ inputIds: ids([1, 2]) });
    await model.forward({ inputIds: ids([1, 2]), pixelValues: pixels([1, 3, 32, 32]) });
    await Promise.all([model.dispose(), model[Symbol.asyncDispose]()]);
    expect(new Set(runtime.disposed)).toEqual(new Set(runtime.graphs));
    expect(runtime.disposed).toHaveLength(3);
    await expect(model.getTextFeatures({ inputIds: ids([1, 2]) })).rejects.toThrow(/dispose was called/);
  });

  it.each([
    ["inputIds of one axis", { inputIds: ids([3]) }, RangeError, /inputIds of shape/],
    ["no texts", { inputIds: ids([0, 3]) }, RangeError, /inputIds of shape/],
    ["more tokens than positions", { inputIds: ids([1, 513]) }, RangeError, /L <= 512/],
    ["an id beyond the vocabulary", { inputIds: ids([1, 2], 231n) }, RangeError, /every id of inputIds in \[0, 231\), got 231 at index 0/],
    ["a negative id", { inputIds: ids([1, 2], -1n) }, RangeError, /got -1/],
    ["float ids", { inputIds: pixels([1, 2]) }, TypeError, /inputIds of type int64, got float32/],
    ["a mask of another shape", { inputIds: ids([1, 2]), attentionMask: ids([1, 3]) }, RangeError, /attentionMask of shape \[1, 2\]/],
    ["an unknown token type", { inputIds: ids([1, 2]), tokenTypeIds: ids([1, 2], 2n) }, RangeError, /tokenTypeIds in \[0, 2\)/],
  ])("refuses %s", async (_, inputs, type, message) => {
    const result = modelOn(spyRuntime().createSession).getTextFeatures(inputs);
    await expect(result).rejects.toBeInstanceOf(type);
    await expect(result).rejects.toThrow(message);
  });

  it.each([
    [
      "another size",
      { pixelValues: pixels([1, 3, 40, 32]) },
      RangeError,
      /\[B >= 1, 3, 32, 32\] \(another size needs interpolatePosEncoding\), got \[1, 3, 40, 32\]/,
    ],
    ["less than a patch", { pixelValues: pixels([1, 3, 7, 32]), interpolatePosEncoding: true }, RangeError, /H >= 8/],
    ["another number of channels", { pixelValues: pixels([1, 4, 32, 32]) }, RangeError, /\[B >= 1, 3/],
    ["no images", { pixelValues: pixels([0, 3, 32, 32]) }, RangeError, /B >= 1/],
    ["integers", { pixelValues: ids([1, 3, 32, 32]) }, TypeError, /float32, got int64/],
  ])("refuses pixelValues of %s", async (_, inputs, type, message) => {
    const result = modelOn(spyRuntime().createSession).getImageFeatures(inputs);
    await expect(result).rejects.toBeInstanceOf(type);
    await expect(result).rejects.toThrow(message);
  });

  it("refuses a loss over unequal counts", async () => {
    const result = modelOn(spyRuntime().createSession).forward({
      inputIds: ids([2, 2]),
      pixelValues: pixels([1, 3, 32, 32]),
      returnLoss: true,
    });
    await expect(result).rejects.toThrow(/as many images as texts/);
  });
});

describe("similarity", () => {
  const matrix = (rows: number[][]): Tensor => new Tensor("float32", Float32Array.from(rows.flat()), [rows.length, rows[0]?.length ?? 0]);

  it("normalises, multiplies and transposes", () => {
    const a = normalizeRows(
      matrix([
        [3, 4],
        [0, 2],
      ]),
    );
    expect([...(a.data as Float32Array)].map((x) => +x.toFixed(6))).toEqual([0.6, 0.8, 0, 1]);
    const products = scaledProducts(a, matrix([[1, 0]]), 10);
    expect(products.dims).toEqual([2, 1]);
    expect([...(products.data as Float32Array)].map((x) => +x.toFixed(5))).toEqual([6, 0]);
    expect(transposed(products).dims).toEqual([1, 2]);
  });

  it("gives log N for logits that know nothing, and nothing for perfect ones, however large", () => {
    expect(contrastiveLoss(matrix([[0, 0, 0], [0, 0, 0], [0, 0, 0]]))).toBeCloseTo(Math.log(3), 6); // prettier-ignore
    expect(contrastiveLoss(matrix([[1e4, 0], [0, 1e4]]))).toBe(0); // prettier-ignore
  });
});
