/** A combined ONNX export, as transformers.js's users have it, over HTTP: of its one graph a page fetches the tower that it runs. */
import { readFile } from "node:fs/promises";
import { fileURLToPath } from "node:url";
import type { Browser, Page } from "playwright-core";
import type { EncodedGraph, ExternalData } from "@chinese-clip/model";
import { readCombinedOnnx } from "@chinese-clip/model/onnx";
import { afterAll, beforeAll, beforeEach, describe, expect, it } from "vitest";
import { readTensors } from "../../node/test/safetensors-fixture.js";
import { chromiumPath, startBrowser, ModelServer } from "@chinese-clip/browser";
import { openPage } from "./lib-page.js";

const SOURCE = "/fixtures/tiny-onnx";
const FILE = "/fixtures/tiny-onnx/onnx/model.onnx";
const golden = await readTensors(new URL("../../../fixtures/tiny-vit/expected.safetensors", import.meta.url));
/** Behind a weight comes the next one's header, which is read with this much of what follows. */
const HEADER_BYTES = 1 << 12;

/** Bytes of a file, half-open. */
type Span = readonly [start: number, end: number];

/** Where a graph's weights lie. */
function weightsOf(graph: EncodedGraph): Span[] {
  const spans: Span[] = [];
  graph.withExternalData((data: ExternalData) => {
    spans.push([data.offset, data.offset + data.length]);
    return data;
  });
  return spans;
}

describe.skipIf(chromiumPath === undefined)("a combined ONNX export", () => {
  let browser: Browser;
  let server: ModelServer;
  let page: Page;
  let size: number;
  let towers: { readonly text: readonly Span[]; readonly vision: readonly Span[] };
  beforeAll(async () => {
    const bytes = await readFile(fileURLToPath(new URL(`../../..${FILE}`, import.meta.url)));
    size = bytes.length;
    const file = { name: "model.onnx", byteLength: size, read: async (start: number, end: number) => bytes.subarray(start, end) };
    const { graphs } = await readCombinedOnnx(file, async () => undefined);
    towers = { text: weightsOf(graphs.text({ kind: "features" })), vision: weightsOf(graphs.vision({ kind: "features" }, false)) };
    [server, browser] = await Promise.all([ModelServer.start(), startBrowser()]);
    page = await openPage(browser, server.origin);
  });
  afterAll(async () => {
    await browser.close();
    await server.stop();
  });
  beforeEach(async () => {
    await page.evaluate(() => lib.clearCache());
    server.reset();
  });

  /** Features of the golden's texts or pictures, by the browser; how far they are from the golden at most. */
  const run = async (tower: "text" | "image"): Promise<number> => {
    const [ids, mask, pixels] = [golden.get("input_ids"), golden.get("attention_mask"), golden.get("pixel_values")];
    const features = await page.evaluate(
      async ([from, name, given]) => {
        const model = await lib.ChineseCLIPModel.fromPretrained(from, { wasmPaths: "/ort/", device: "wasm", worker: false });
        const int64 = (values: number[]): InstanceType<typeof lib.Tensor> =>
          new lib.Tensor("int64", BigInt64Array.from(values, BigInt), given.textDims);
        const pixelValues = new lib.Tensor("float32", Float32Array.from(given.pixels), given.imageDims);
        const { data } =
          name === "text"
            ? await model.getTextFeatures({ inputIds: int64(given.ids), attentionMask: int64(given.mask) })
            : await model.getImageFeatures({ pixelValues });
        await model.dispose();
        return Array.from(data as Float32Array);
      },
      [
        SOURCE,
        tower,
        {
          ids: Array.from(ids.data as BigInt64Array, Number),
          mask: Array.from(mask.data as BigInt64Array, Number),
          textDims: [...ids.dims],
          pixels: Array.from(pixels.data as Float32Array),
          imageDims: [...pixels.dims],
        },
      ] as const,
    );
    const expected = golden.get(`${tower}_features`).data as Float32Array;
    expect(features).toHaveLength(expected.length);
    return features.reduce((found, value, i) => Math.max(found, Math.abs(value - (expected[i] ?? Number.NaN))), 0);
  };

  /** What was asked for of the export. */
  const requested = (): Span[] =>
    server.answers
      .filter(({ path, status }) => path === FILE && status === 206)
      .map(({ range }) => [Number(/\d+/u.exec(range ?? "")?.[0]), Number(/\d+$/u.exec(range ?? "")?.[0]) + 1] as const);

  const overlap = (spans: readonly Span[], [start, end]: Span): number =>
    spans.reduce((sum, [from, to]) => sum + Math.max(0, Math.min(end, to) - Math.max(start, from)), 0);

  it.each([
    ["text", "vision"],
    ["image", "text"],
  ] as const)("gives the %s features, and asks for no weight of the other tower", async (tower, other) => {
    expect(await run(tower)).toBeLessThan(1e-4);
    const spans = requested();
    const own = towers[tower === "text" ? "text" : "vision"];
    const large = towers[other].filter(([start, end]) => end - start > 3 * HEADER_BYTES && overlap(own, [start, end]) === 0);
    expect(large.length).toBeGreaterThanOrEqual(8);
    // The first request is of the file's beginning, whatever lies there; later ones bring a weight's first bytes with the header before it. Of
    // this model, whose weights are a hundred times smaller than the published ones', that is up to half of them.
    const taken = large.reduce((sum, weight) => sum + overlap(spans.slice(1), weight), 0);
    expect(taken).toBeLessThan(0.6 * large.reduce((sum, [start, end]) => sum + end - start, 0));
    expect(server.sent(FILE).bytes).toBeLessThan(0.95 * size);
    expect(server.answers.filter(({ path, status }) => path === FILE && status === 200)).toEqual([]);
  });

  it("is fetched once: the other tower takes what is left, and a second visit nothing", async () => {
    await run("text");
    await run("image");
    expect(server.sent(FILE).bytes).toBeLessThan(1.2 * size);
    const sent = server.sent("/fixtures/tiny-onnx/");
    server.refuse = /^\/fixtures\//u;
    expect(await run("text")).toBeLessThan(1e-4);
    expect(await run("image")).toBeLessThan(1e-4);
    expect(server.sent("/fixtures/tiny-onnx/")).toEqual(sent);
  });

  it("comes whole from a server without ranges, once", async () => {
    server.ranges = false;
    expect(await run("image")).toBeLessThan(1e-4);
    expect(await run("text")).toBeLessThan(1e-4);
    expect(server.sent(FILE)).toEqual({ bytes: size, answers: 1 });
  });
});
