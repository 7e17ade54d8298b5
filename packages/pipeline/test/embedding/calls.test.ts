import { getEventListeners } from "node:events";
import { describe, expect, it } from "vitest";
import { ChineseCLIP, loadChineseCLIPParts, onAbort } from "../../src/index.js";
import { ModelReader } from "../../src/loading/model-reader.js";
import { type FakeImage, fakePlatform, type FakePlatform } from "../fake-platform.js";

async function load(platform: FakePlatform, dtype?: "fp32"): Promise<ChineseCLIP<FakeImage>> {
  const model = new ModelReader(await platform.openModel("", {}));
  return new ChineseCLIP(await loadChineseCLIPParts(platform, model, { dtype }));
}

async function rejection(promise: Promise<unknown>): Promise<unknown> {
  return promise.then(
    () => undefined,
    (error: unknown) => error,
  );
}

async function collect<T>(items: AsyncIterable<T>): Promise<T[]> {
  const all: T[] = [];
  for await (const item of items) all.push(item);
  return all;
}

describe("C1 a list of images", () => {
  it("gets a list of labels for each", async () => {
    const clip = await load(fakePlatform());
    const labels = ["红", "猫", "蓝"];
    const both = await clip.classify([1, 60], labels);
    expect(both).toHaveLength(2);
    for (const [i, image] of [1, 60].entries()) expect(both[i]).toEqual(await clip.classify(image, labels));
    expect(await clip.classify([], labels)).toEqual([]);
  });
});

describe("C2 values of a wrong type are named", () => {
  it.each([
    [
      "labels as one text",
      (clip: ChineseCLIP<FakeImage>) => clip.classify(1, "猫,狗" as unknown as string[]),
      /^TypeError: classify: expected labels to be an array of strings, got "猫,狗"$/,
    ],
    ["a label that is no text", (clip: ChineseCLIP<FakeImage>) => clip.classify(1, ["猫", 3] as string[]), /got 3 among them$/],
    [
      "no text",
      (clip: ChineseCLIP<FakeImage>) => clip.embedText(null as unknown as string),
      /^TypeError: embedText: expected a string or an array of strings, got null$/,
    ],
    [
      "a text that is undefined",
      (clip: ChineseCLIP<FakeImage>) => clip.embedText(["猫", undefined as unknown as string]),
      /got undefined among them$/,
    ],
    [
      "a path instead of a list",
      (clip: ChineseCLIP<FakeImage>) => collect(clip.embedImages("猫.jpg" as unknown as number[])),
      /^TypeError: embedImages: expected an iterable of images, got "猫.jpg"; for a single image use embedImage$/,
    ],
    [
      "bytes instead of a list",
      (clip: ChineseCLIP<FakeImage>) => collect(clip.embedImages(new Uint8Array(9) as unknown as number[])),
      /^TypeError: embedImages: expected an iterable/,
    ],
    [
      "a long text",
      (clip: ChineseCLIP<FakeImage>) => collect(clip.embedImages("x".repeat(8_000_000) as unknown as number[])),
      /^.{0,300}$/,
    ],
  ])("%s", async (_, call, message) => {
    expect(String(await rejection(call(await load(fakePlatform()))))).toMatch(message);
  });
});

describe("C4 results have their input", () => {
  it("with an embedding as with an error", async () => {
    const clip = await load(fakePlatform());
    const results = await collect(clip.embedImages([5, -1, 7], { batchSize: 2 }));
    expect(results.map(({ index, input }) => [index, input])).toEqual([
      [0, 5],
      [1, -1],
      [2, 7],
    ]);
  });

  it("whatever has the image", async () => {
    const clip = await load(fakePlatform());
    const items = [{ id: "a", image: 5 }, { id: "b", image: -1 }]; // prettier-ignore
    const results = await collect(clip.embedImages(items, { imageOf: ({ image }) => image }));
    expect(results.map(({ input }) => input.id)).toEqual(["a", "b"]);
    expect(results.map((result) => "error" in result)).toEqual([false, true]);
  });
});

describe("signals", () => {
  it("B7 have one listener for a stream, and none after it", async () => {
    const clip = await load(fakePlatform());
    const { signal } = new AbortController();
    let most = 0;
    for await (const _ of clip.embedImages(
      Array.from({ length: 40 }, (_, i) => i),
      { signal },
    ))
      // prettier-ignore
      most = Math.max(most, getEventListeners(signal, "abort").length);
    expect(most).toBe(1);
    expect(getEventListeners(signal, "abort")).toEqual([]);
  });

  it("B7 have one listener for all calls that share one, and Node.js warns of none", async () => {
    const clip = await load(fakePlatform());
    const { signal } = new AbortController();
    const warnings: Error[] = [];
    const onWarning = (warning: Error): number => warnings.push(warning);
    process.on("warning", onWarning);
    const calls = Array.from({ length: 40 }, (_, i) => [
      clip.embedText(`猫${i}`, { signal }),
      clip.embedImage([1, 2], { signal }),
      clip.classify(1, ["红", "猫"], { signal }),
    ]).flat();
    await new Promise(setImmediate);
    expect(getEventListeners(signal, "abort")).toHaveLength(1);
    await Promise.all(calls);
    await new Promise(setImmediate);
    process.off("warning", onWarning);
    expect(warnings).toEqual([]);
    expect(getEventListeners(signal, "abort")).toEqual([]);
  });

  it("B7 abort all calls that share one, and those that ended before are not told", async () => {
    const controller = new AbortController();
    const told: string[] = [];
    const stops = ["a", "b", "c"].map((name) => onAbort(controller.signal, () => told.push(name)));
    stops[1]?.();
    stops[1]?.();
    controller.abort();
    stops[0]?.();
    expect(told).toEqual(["a", "c"]);
    onAbort(controller.signal, () => told.push("late"));
    expect(told).toEqual(["a", "c"]);
  });

  it("I16 end the wait for a source that hangs", async () => {
    const clip = await load(fakePlatform());
    const controller = new AbortController();
    async function* hanging(): AsyncGenerator<number> {
      yield 1;
      await new Promise(() => {});
    }
    const reading = rejection(collect(clip.embedImages(hanging(), { signal: controller.signal })));
    setTimeout(() => controller.abort("enough"), 10);
    expect(await reading).toBe("enough");
  });
});

describe("B9 concurrent texts", () => {
  it("go through the tower together, at most 32 at once, each to its caller", async () => {
    const platform = fakePlatform();
    const clip = await load(platform);
    const texts = Array.from({ length: 100 }, (_, i) => (i % 2 === 0 ? "红" : "猫"));
    const together = await Promise.all(texts.map((text) => clip.embedText(text)));
    expect(platform.textRuns).toEqual([32, 32, 32, 4]);
    const [red, cat] = [await clip.embedText("红"), await clip.embedText("猫")];
    for (const [i, { data }] of together.entries()) expect([...data]).toEqual([...(i % 2 === 0 ? red : cat).data]);
  });

  it("wait while the tower is busy, without a timer", async () => {
    const platform = fakePlatform();
    const clip = await load(platform);
    const getTextFeatures = clip.model.getTextFeatures.bind(clip.model);
    let release = (): void => {};
    const gate = new Promise<void>((resolve) => (release = resolve));
    clip.model.getTextFeatures = async (inputs) => {
      await gate;
      return getTextFeatures(inputs);
    };
    const first = clip.embedText("红");
    await new Promise((resolve) => setTimeout(resolve, 5));
    const others = ["猫", "红", "蓝"].map((text) => clip.embedText(text));
    release();
    await Promise.all([first, ...others]);
    expect(platform.textRuns).toEqual([1, 3]);
  });

  it("fail alone where the batch fails for one of them", async () => {
    const platform = fakePlatform();
    const clip = await load(platform);
    const getTextFeatures = clip.model.getTextFeatures.bind(clip.model);
    const bad = clip.processor.tokenizer.encode("蓝").ids[1];
    clip.model.getTextFeatures = async (inputs) => {
      if ([...(inputs.inputIds.data as BigInt64Array)].includes(BigInt(bad ?? 0))) throw new Error("bad text");
      return getTextFeatures(inputs);
    };
    const results = await Promise.allSettled(["猫", "蓝", "红"].map((text) => clip.embedText(text)));
    expect(results.map(({ status }) => status)).toEqual(["fulfilled", "rejected", "fulfilled"]);
    expect(await clip.embedText("猫")).toMatchObject({ count: 1 });
  });

  it("leave out a call that was aborted while it waited", async () => {
    const platform = fakePlatform();
    const clip = await load(platform);
    const controller = new AbortController();
    const calls = [clip.embedText("猫"), clip.embedText("红", { signal: controller.signal }), clip.embedText("蓝")];
    controller.abort("enough");
    expect(await rejection(calls[1] as Promise<unknown>)).toBe("enough");
    expect((await Promise.all([calls[0], calls[2]])).length).toBe(2);
    expect(platform.textRuns).toEqual([2]);
  });
});

describe("fingerprints", () => {
  it("are of the weights and the dtype", async () => {
    const [a, b] = [await load(fakePlatform()), await load(fakePlatform())];
    expect(a.fingerprint).toMatch(/^[0-9a-f]{32}-fp32$/);
    expect(b.fingerprint).toBe(a.fingerprint);
    expect(a.dim).toBe(40);
  });
});

it("I12 classifies by 130,000 labels", async () => {
  const clip = await load(fakePlatform());
  const labels = Array.from({ length: 130_000 }, (_, i) => `猫${i}`);
  expect(await clip.classify(1, labels)).toHaveLength(130_000);
});
