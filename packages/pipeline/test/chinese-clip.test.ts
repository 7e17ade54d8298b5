import { describe, expect, it } from "vitest";
import { ChineseCLIP, type ImageEmbeddingResult, loadChineseCLIPParts, loadFrom } from "../src/index.js";
import { type FakeImage, type FakePlatform, fakePlatform } from "./fake-platform.js";

const load = (platform: FakePlatform, options = {}): Promise<ChineseCLIP<FakeImage>> =>
  loadFrom(platform, "fake", options, async (files) => new ChineseCLIP(await loadChineseCLIPParts(platform, files, options)));

const rejection = (promise: Promise<unknown>): Promise<unknown> => promise.then(() => "no rejection", (error: unknown) => error); // prettier-ignore
const collect = async (results: AsyncIterable<ImageEmbeddingResult>): Promise<ImageEmbeddingResult[]> => {
  const all: ImageEmbeddingResult[] = [];
  for await (const result of results) all.push(result);
  return all;
};
const angle = (row: ArrayLike<number>): number => Math.round(100 * Math.atan2(row[1] ?? 0, row[0] ?? 0));

describe("embedText", () => {
  it("gives rows of norm 1 in the order of the texts, whatever their lengths", async () => {
    const platform = fakePlatform();
    const clip = await load(platform);
    const texts = Array.from({ length: 150 }, (_, i) => (i % 2 === 0 ? "红" : "猫").repeat(1 + ((i * 7) % 20)));
    const { data, count, dim } = await clip.embedText(texts);
    const first = (text: string): number => Number(clip.processor.tokenizer.encode(text).ids[1]);
    expect([count, dim]).toEqual([150, 40]);
    for (const [i, text] of texts.entries()) {
      const row = data.subarray(i * dim, (i + 1) * dim);
      expect(angle(row)).toBe(first(text));
      expect(Math.hypot(...row)).toBeCloseTo(1, 6);
    }
    expect(platform.textRuns.reduce((sum, rows) => sum + rows, 0)).toBe(150);
  });

  it("takes one text, and none", async () => {
    const clip = await load(fakePlatform());
    expect(await clip.embedText("猫")).toMatchObject({ count: 1, dim: 40, truncated: [false] });
    expect(await clip.embedText([])).toEqual({ count: 0, dim: 40, data: new Float32Array(0), truncated: [] });
  });

  it("says which texts were cut", async () => {
    const clip = await load(fakePlatform());
    expect((await clip.embedText(["猫".repeat(80), "猫", "猫".repeat(50), "猫".repeat(51)])).truncated).toEqual([true, false, false, true]);
  });

  it("gives up when told to: before, while it tokenizes, and between batches", async () => {
    const platform = fakePlatform();
    const clip = await load(platform);
    expect(await rejection(clip.embedText("猫", { signal: AbortSignal.abort("enough") }))).toBe("enough");
    expect(platform.textRuns).toEqual([]);
    const controller = new AbortController();
    const many = rejection(clip.embedText(Array.from({ length: 5000 }, () => "猫"), { signal: controller.signal })); // prettier-ignore
    controller.abort("enough");
    expect(await many).toBe("enough");
    expect(platform.textRuns).toEqual([]);
    const later = new AbortController();
    const getTextFeatures = clip.model.getTextFeatures.bind(clip.model);
    clip.model.getTextFeatures = (inputs) => {
      later.abort("enough");
      return getTextFeatures(inputs);
    };
    expect(await rejection(clip.embedText([...Array.from({ length: 8 }, () => "猫"), "猫".repeat(50)], { signal: later.signal }))).toBe(
      "enough",
    );
    expect(platform.textRuns).toHaveLength(1);
  });

  it("lets other work run while it tokenizes thousands of texts", async () => {
    const clip = await load(fakePlatform());
    const turns: number[] = [];
    const { tokenizer } = clip.processor;
    const encode = tokenizer.encode.bind(tokenizer);
    let turn = 0;
    const count = (): void => void (turn++, (next = setImmediate(count)));
    let next = setImmediate(count);
    tokenizer.encode = (text, options) => {
      turns.push(turn);
      return encode(text, options);
    };
    await clip.embedText(Array.from({ length: 5000 }, (_, i) => "猫".repeat(1 + (i % 3))));
    clearImmediate(next);
    expect(turns).toHaveLength(5000);
    expect(new Set(turns).size).toBeGreaterThan(2);
  });
});

describe("embedImages", () => {
  it("gives results in order, errors among them, and says how far it is", async () => {
    const platform = fakePlatform();
    const clip = await load(platform);
    const progress: unknown[] = [];
    const results = await collect(clip.embedImages([5, -1, 7, 1, 2, -2, 3], { batchSize: 3, onProgress: (step) => progress.push(step) }));
    expect(results.map((result) => ("error" in result ? String(result.error) : angle(result.embedding)))).toEqual([
      5,
      "Error: picture -1",
      7,
      1,
      2,
      "Error: picture -2",
      3,
    ]);
    expect(results.map(({ index }) => index)).toEqual([0, 1, 2, 3, 4, 5, 6]);
    expect(progress).toEqual([{ done: 3, failed: 1 }, { done: 6, failed: 2 }, { done: 7, failed: 2 }]); // prettier-ignore
    expect(platform.imageRuns).toEqual([2, 2, 1]);
    expect(platform.recycled).toBe(5);
  });

  it("skips the model for a batch without a readable picture", async () => {
    const platform = fakePlatform();
    const results = await collect((await load(platform)).embedImages([-1, -2], { batchSize: 2 }));
    expect(results.every((result) => "error" in result)).toBe(true);
    expect(platform.imageRuns).toEqual([]);
  });

  it("takes no more from an endless source than two batches ahead, and stops when its reader does", async () => {
    const platform = fakePlatform();
    const clip = await load(platform);
    let taken = 0;
    let closed = false;
    async function* endless(): AsyncGenerator<number> {
      try {
        for (;;) yield taken++;
      } finally {
        closed = true;
      }
    }
    for await (const { index } of clip.embedImages(endless(), { batchSize: 4 })) {
      expect(taken).toBeLessThanOrEqual(index + 3 * 4);
      if (index === 21) break;
    }
    expect(closed).toBe(true);
    expect(platform.decoding.most).toBeLessThanOrEqual(8);
  });

  it("passes on what the source or the model throws", async () => {
    const failing = function* (): Generator<number> {
      yield 1;
      throw new Error("disk gone");
    };
    await expect(collect((await load(fakePlatform())).embedImages(failing(), { batchSize: 1 }))).rejects.toThrow("disk gone");
    const platform = fakePlatform();
    const clip = await load(platform);
    platform.failNext = new Error("out of memory");
    await expect(collect(clip.embedImages([1, 2], { batchSize: 2 }))).rejects.toThrow("out of memory");
    expect(await collect(clip.embedImages([1]))).toHaveLength(1);
  });

  it("stops at the signal", async () => {
    const clip = await load(fakePlatform());
    const controller = new AbortController();
    const seen: number[] = [];
    const reading = (async () => {
      for await (const { index } of clip.embedImages(
        Array.from({ length: 100 }, (_, i) => i),
        { batchSize: 2, signal: controller.signal },
      )) {
        seen.push(index);
        if (index === 5) controller.abort(new Error("enough"));
      }
    })();
    await expect(reading).rejects.toThrow("enough");
    expect(seen.length).toBeLessThan(10);
  });

  it("refuses a batch of nothing", async () => {
    const clip = await load(fakePlatform());
    await expect(collect(clip.embedImages([1], { batchSize: 0 }))).rejects.toBeInstanceOf(RangeError);
  });
});

describe("embedImage", () => {
  it("gives rows in order, for one picture, several and none", async () => {
    const clip = await load(fakePlatform());
    const { data, count, dim } = await clip.embedImage([30, 10, 20]);
    expect([count, dim, ...[0, 1, 2].map((row) => angle(data.subarray(row * 40)))]).toEqual([3, 40, 30, 10, 20]);
    expect(await clip.embedImage(4)).toMatchObject({ count: 1 });
    expect(await clip.embedImage([])).toMatchObject({ count: 0 });
  });

  it("rejects with the first picture's error", async () => {
    await expect((await load(fakePlatform())).embedImage([1, -3, -4])).rejects.toThrow("picture -3");
  });
});

describe("classify", () => {
  it("gives cosine and softmax of the scaled cosines, best first", async () => {
    const clip = await load(fakePlatform());
    const labels = ["红", "猫", "蓝"];
    const at = labels.map((label) => Number(clip.processor.tokenizer.encode(label).ids[1]) / 100);
    const picture = 60;
    const result = await clip.classify(picture, labels);
    const cosines = at.map((a) => Math.cos(a - picture / 100));
    const exponents = cosines.map((cosine) => Math.exp(clip.model.logitScale * cosine));
    const total = exponents.reduce((a, b) => a + b, 0);
    const expected = labels
      .map((label, i) => ({ label, similarity: cosines[i] ?? 0, score: (exponents[i] ?? 0) / total }))
      .toSorted((a, b) => b.score - a.score);
    expect(result.map(({ label }) => label)).toEqual(expected.map(({ label }) => label));
    for (const [i, { score, similarity }] of result.entries()) {
      expect(similarity).toBeCloseTo(expected[i]?.similarity ?? Number.NaN, 5);
      expect(score).toBeCloseTo(expected[i]?.score ?? Number.NaN, 4);
    }
    expect(result.reduce((sum, { score }) => sum + score, 0)).toBeCloseTo(1, 6);
  });

  it("averages several templates: normalise each, mean, normalise", async () => {
    const clip = await load(fakePlatform());
    const id = (text: string): number => Number(clip.processor.tokenizer.encode(text).ids[1]);
    // The first token decides the feature, so these templates turn one label into two directions, whose mean lies halfway.
    const [{ similarity } = { similarity: Number.NaN }] = await clip.classify(50, ["猫"], { template: ["红{}", "{}红"] });
    expect(similarity).toBeCloseTo(Math.cos((id("红") + id("猫")) / 200 - 0.5), 5);
  });

  it("puts the label in as it is, and at every mark", async () => {
    const clip = await load(fakePlatform());
    const seen: string[] = [];
    const { tokenizer } = clip.processor;
    const encode = tokenizer.encode.bind(tokenizer);
    tokenizer.encode = (text, options) => {
      seen.push(text);
      return encode(text, options);
    };
    await clip.classify(1, ["$&{}"], { template: "一{}二{}" });
    expect(seen).toEqual(["一$&{}二$&{}"]);
  });

  it("embeds the labels of consecutive pictures once, and again after a failure", async () => {
    const platform = fakePlatform();
    const clip = await load(platform);
    platform.failNext = new Error("out of memory");
    await rejection(clip.classify(-1, ["红", "猫"]));
    await clip.classify(1, ["红", "猫"]);
    await clip.classify(2, ["红", "猫"]);
    expect(platform.textRuns).toEqual([2]);
    await clip.classify(2, ["猫", "红"]);
    expect(platform.textRuns).toEqual([2, 2]);
  });

  it.each([
    ["no labels", [], "{}", /at least one label/],
    ["a template without a mark", ["猫"], "一张照片", /\{\} in every template, to mark the label, got "一张照片"/],
    ["no templates", ["猫"], [], /at least one template/],
  ])("refuses %s", async (_, labels, template, message) => {
    const error = await rejection((await load(fakePlatform())).classify(1, labels, { template }));
    expect(error).toBeInstanceOf(RangeError);
    expect(String(error)).toMatch(message);
  });
});

describe("prepare", () => {
  it("runs each tower once, the text tower first, or those that are named", async () => {
    const platform = fakePlatform();
    const clip = await load(platform);
    await clip.prepare(["vision"]);
    expect([platform.textRuns, platform.imageRuns]).toEqual([[], [1]]);
    await clip.prepare();
    expect([platform.textRuns, platform.imageRuns]).toEqual([[1], [1, 1]]);
    await clip.prepare([]);
    expect([platform.textRuns, platform.imageRuns]).toEqual([[1], [1, 1]]);
  });

  it("rejects as the first call would, and the next call tries again", async () => {
    const platform = fakePlatform();
    const clip = await load(platform);
    platform.failNext = new Error("out of memory");
    await expect(clip.prepare()).rejects.toThrow("out of memory");
    await clip.prepare();
    expect([platform.textRuns, platform.imageRuns]).toEqual([[1], [1]]);
    const controller = new AbortController();
    controller.abort(new Error("enough"));
    await expect(clip.prepare(["text"], { signal: controller.signal })).rejects.toThrow("enough");
  });

  it.each([[["image"]], ["text"], [null], [[5]]])("%j is no list of towers", async (towers) => {
    const clip = await load(fakePlatform());
    await expect(clip.prepare(towers as never)).rejects.toThrow(/^prepare: expected towers among text, vision, got/);
  });
});

describe("ChineseCLIP", () => {
  it("releases sessions and threads once", async () => {
    const platform = fakePlatform();
    const clip = await load(platform);
    await clip.classify(1, ["猫"]);
    await clip.dispose();
    expect(platform.disposed).toBe(3);
    await clip[Symbol.asyncDispose]();
    expect(await rejection(clip.embedText("猫"))).toBeInstanceOf(Error);
  });

  it("refuses a vocabulary larger than the embedding, naming the model", async () => {
    const vocab =
      (await fakePlatform()
        .openModel("", {})
        .then((files) => files.readText("vocab.txt"))) ?? "";
    const error = await rejection(load(fakePlatform({ "vocab.txt": `${vocab.trimEnd()}\n龘\n` })));
    expect(error).toMatchObject({ name: "CheckpointError", code: "vocabulary-mismatch", details: { expected: 231, actual: 232 } });
    expect(String(error)).toContain("fake: ");
  });
});

describe("calls without types", () => {
  it.each([{}, new Set(["猫"]), new Date(0), { 猫: ["猫"] }])("%s is neither labels nor a classifier", async (labels) => {
    const clip = await load(fakePlatform());
    await expect(clip.classify([], labels as unknown as string[])).rejects.toThrow("classify: expected labels to be an array of strings");
  });

  it.each([
    [null, "options to be an object, got null"],
    [5, "options to be an object, got 5"],
    [{ signal: 5 }, "signal to be an AbortSignal, got 5"],
    [{ signal: null }, "signal to be an AbortSignal, got null"],
    [{ onProgress: 5 }, "onProgress to be a function, got 5"],
  ])("options %j are rejected before anything is done", async (given, expected) => {
    const platform = fakePlatform();
    const clip = await load(platform);
    const options = given as unknown as object;
    await expect(clip.embedText("猫", options)).rejects.toThrow(`embedText: expected ${expected}`);
    await expect(clip.embedImage([], options)).rejects.toThrow(`embedImages: expected ${expected}`);
    await expect(clip.classify([], ["猫"], options)).rejects.toThrow(`classify: expected ${expected}`);
    await expect(load(platform, options)).rejects.toThrow(`fromPretrained: expected ${expected}`);
    expect(platform.textRuns).toEqual([]);
  });

  it("a limit of another name would be none", async () => {
    await expect(load(fakePlatform(), { limits: { pixel: 1 } })).rejects.toThrow(
      'fromPretrained: expected limits among pixels, encodedBytes, milliseconds, memory, fileBytes, got "pixel"',
    );
    await expect(load(fakePlatform(), { limits: null })).rejects.toThrow("fromPretrained: expected limits to be an object, got null");
  });
});
