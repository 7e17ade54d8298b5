import { existsSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { ChineseCLIP } from "@chinese-clip/node";
import { describe, expect, it } from "vitest";
import { type PairList, usablePairs } from "../src/index.js";
import { train, type TrainingEvent, type TrainOptions } from "../src/node/index.js";
import { drawings, TINY_MODEL, TINY_RN50 } from "./drawings.js";
import { eventsOf, optionsOf, savesWhatWasValidated } from "./train-run.js";

const stateOf = ({ output }: TrainOptions): Buffer => readFileSync(join(output, "state.safetensors"));

describe("train", () => {
  it.each(["vision", "text", undefined] as const)("learns with %s frozen, and leaves a folder that loads", async (freeze) => {
    const options = optionsOf({ freeze, steps: 30, data: drawings(0, 16), validation: drawings(0, 16), saveEvery: 20, validateEvery: 30 });
    const events = await eventsOf(options);
    const losses = events.flatMap((event) => (event.type === "step" ? [event.loss] : []));
    expect(losses).toHaveLength(30);
    const mean = (values: readonly number[]): number => values.reduce((a, b) => a + b) / values.length;
    expect(mean(losses.slice(-4))).toBeLessThan(mean(losses.slice(0, 4)) * 0.97);
    expect(events.filter(({ type }) => type === "saved").map((event) => ("step" in event ? event.step : 0))).toEqual([20, 30]);
    const [initial, judged] = events.filter((event) => event.type === "validation");
    expect(initial).toMatchObject({ step: 0 });
    expect(judged).toMatchObject({ step: 30, textToImage: { r10: expect.any(Number) as number } });

    // What was saved is the model that was trained: its own retrieval is the validation's.
    const clip = await ChineseCLIP.fromPretrained(options.output);
    const [images, texts] = [
      await clip.embedImage(await Promise.all(drawings(0, 16).pairs.map(({ image }) => image.read()))),
      await clip.embedText(drawings(0, 16).pairs.map(({ text }) => text)),
    ];
    const [before] = [await ChineseCLIP.fromPretrained(TINY_MODEL)];
    const [same] = [await before.embedText("红色的汽车")];
    const [now] = [await clip.embedText("红色的汽车")];
    if (freeze === "text") expect(now.data).toEqual(same.data);
    else expect(now.data).not.toEqual(same.data);
    const { dim } = images;
    const rows = Array.from({ length: 16 }, (_, i) => i);
    const score = (text: number, image: number): number =>
      texts.data.subarray(text * dim, (text + 1) * dim).reduce((sum, value, e) => sum + value * images.data[image * dim + e]!, 0);
    const found = rows.filter((text) => rows.every((image) => score(text, image) <= score(text, text))).length / 16;
    expect(judged?.type === "validation" && judged.textToImage.r1).toBe(found);
    await Promise.all([clip.dispose(), before.dispose()]);
  });

  it("gives the same to the bit in chunks of one size, and nearly the same in others", async () => {
    const [whole, chunks] = [optionsOf(), optionsOf({ chunkSize: 2 })];
    const [a, b] = [await eventsOf(whole), await eventsOf(chunks)];
    const lossOf = (event: TrainingEvent): number => (event.type === "step" ? event.loss : 0);
    for (const [i, event] of a.entries()) expect(lossOf(b[i]!)).toBeCloseTo(lossOf(event), 4);
  });

  it("says how it computes, and rejects what cannot fit before the first step", async () => {
    const [started] = await eventsOf(optionsOf({ steps: 1, blocks: true, chunkSize: 4 }));
    expect(started).toMatchObject({ type: "started", blocks: true, chunkSize: 4, memory: expect.any(Number) as number });
    const options = optionsOf({ memory: 50e6 });
    await expect(eventsOf(options)).rejects.toThrow("a step takes at least");
    expect(existsSync(join(options.output, "state.safetensors"))).toBe(false);
  });

  it("goes on as it began, whatever memory there is then", async () => {
    const options = optionsOf({ steps: 3, blocks: true, chunkSize: 2 });
    await eventsOf(options);
    const { blocks: _, chunkSize: __, ...rest } = options;
    expect(await eventsOf(rest)).toEqual([expect.objectContaining({ step: 3, blocks: true, chunkSize: 2 })]);
  });

  it("goes on where it was stopped, to the same bits", async () => {
    const undisturbed = optionsOf({ steps: 6 });
    await eventsOf(undisturbed);
    const controller = new AbortController();
    const stopped = optionsOf({ steps: 6 });
    const seen: TrainingEvent[] = [];
    const run = (async () => {
      for await (const event of train({ ...stopped, signal: controller.signal })) {
        seen.push(event);
        if (event.type === "step" && event.step === 3) controller.abort(new Error("enough"));
      }
    })();
    await expect(run).rejects.toThrow("enough");
    expect(seen.at(-1)).toMatchObject({ type: "saved", step: 3 });
    const [started] = await eventsOf(stopped);
    expect(started).toMatchObject({ type: "started", step: 3, steps: 6 });
    expect(stateOf(stopped).equals(stateOf(undisturbed))).toBe(true);
    expect(await eventsOf(stopped)).toEqual([expect.objectContaining({ type: "started", step: 6 })]); // nothing is left to do
  });

  it("computes a frozen tower's features once", async () => {
    const options = optionsOf({ freeze: "vision", steps: 2 });
    expect((await eventsOf(options)).filter(({ type }) => type === "features").at(-1)).toEqual({ type: "features", done: 48, total: 48 });
    const [folder = ""] = readdirSync(join(options.output, "features"));
    const shard = join(options.output, "features", folder, "00000.f32");
    const bytes = readFileSync(shard);
    expect((await eventsOf(options)).some(({ type }) => type === "features")).toBe(false);
    writeFileSync(shard, bytes.fill(0, 100, 200)); // damaged, so computed again
    expect((await eventsOf(options)).some(({ type }) => type === "features")).toBe(true);
  });

  it("stops at a loss that is no number, names the batch and keeps the last good state", async () => {
    const options = optionsOf({ learningRate: 1e30, steps: 8, warmup: 0 });
    const error = await eventsOf(options).catch((reason: unknown) => reason);
    expect(error).toMatchObject({ name: "TrainingError", details: { batch: expect.stringContaining(".") as string } });
    expect(["loss-not-finite", "gradient-not-finite"]).toContain((error as { code: string }).code);
    const { before } = (error as { details: { before: number } }).details;
    expect(before).toBeGreaterThan(0);
    expect(
      JSON.parse(
        stateOf(options)
          .toString("latin1", 8, 4096)
          .match(/"run":"(.*?[^\\])"/u)![1]!
          .replaceAll("\\", ""),
      ),
    ).toMatchObject({ step: before });
  });
});

it("a recipe of adapters and an average saves the model that was validated", () =>
  savesWhatWasValidated({ lora: { rank: 4 }, emaDecay: 0.5, learningRate: 1e-2 }));

describe("data that cannot be used", () => {
  const one = drawings(0, 4);
  it.each<[string, PairList, string]>([
    ["one pair", { ...one, pairs: one.pairs.slice(0, 1) }, "expected at least 2 pairs of an image and a text, got 1 (0 skipped)"],
    ["no image where the list says", { ...one, pairs: [], skipped: one.pairs.map(({ image: { name } }) => ({ name, reason: "missing-image" })) }, "none of the 4 images is where it says, such as 01.png; paths are"],
    ["one text", { ...one, pairs: one.pairs.map(({ image }) => ({ image, text: "一张图片" })) }, 'got "一张图片" for every image'],
    ["no image", usablePairs("list", one.pairs.map(({ text }, i) => ({ image: { name: `${i}.jpg`, read: async () => new Uint8Array([1, 2, 3]) }, text }))), ".jpg: cannot be read as an image (bytes: expected a PNG"],
  ])("%s", async (_, data, message) => {
    const options = optionsOf({ data, batchSize: 4 });
    await expect(eventsOf(options)).rejects.toThrow(message);
  }); // prettier-ignore

  it("cuts a text of ten thousand characters, and says so", async () => {
    const [{ image } = one.pairs[0]!, ...others] = one.pairs;
    const data = usablePairs("list", [{ image, text: "红色的猫".repeat(2500) }, ...others]);
    const [started] = await eventsOf(optionsOf({ data, batchSize: 4, steps: 1 }));
    expect(started).toMatchObject({ contextLength: 52, truncated: 1 });
    expect((await eventsOf(optionsOf({ data, batchSize: 4, steps: 1, contextLength: 4 })))[0]).toMatchObject({ truncated: 4 });
  });

  it("skips what is empty or there twice, and says so", async () => {
    const [first, second] = one.pairs;
    const data = usablePairs("list", [...one.pairs, first!, { ...second!, text: " " }]);
    const [started] = await eventsOf(optionsOf({ data, steps: 1 }));
    expect(started).toMatchObject({
      pairs: 4,
      batchSize: 4,
      skipped: [
        { name: "01.png", reason: "repeated" },
        { name: "02.jpg", reason: "empty-text" },
      ],
    });
  });
});

describe("folders of others", () => {
  it("rejects a model that no run wrote", async () => {
    const options = optionsOf();
    mkdirSync(options.output);
    writeFileSync(join(options.output, "model.safetensors"), "mine");
    await expect(eventsOf(options)).rejects.toThrow("has a model that no training run wrote");
    expect(readFileSync(join(options.output, "model.safetensors"), "utf8")).toBe("mine");
  });

  it("rejects other settings than the run began with", async () => {
    const options = optionsOf({ steps: 1 });
    await eventsOf(options);
    await expect(eventsOf({ ...options, seed: 7 })).rejects.toThrow("was created with seed 123; this run has 7");
    await expect(eventsOf({ ...options, data: drawings(0, 20) })).rejects.toThrow(/was created with pairs 48 \(\w+\); this run has 20 /u);
    await expect(eventsOf({ ...options, model: TINY_RN50 })).rejects.toThrow(
      "was created with model tiny-vit; this run has clip_cn_tiny-rn50.pt",
    );
  });

  it("rejects a damaged state", async () => {
    const options = optionsOf({ steps: 1 });
    await eventsOf(options);
    writeFileSync(join(options.output, "state.safetensors"), stateOf(options).subarray(0, 5000));
    await expect(eventsOf(options)).rejects.toThrow("expected the state of a run");
  });

  it("lets one process write at a time", async () => {
    const options = optionsOf({ steps: 2 });
    const first = train(options);
    await first.next();
    await expect(eventsOf(options)).rejects.toThrow("another process is writing it");
    await first.return();
    expect(existsSync(join(options.output, "training.lock"))).toBe(false);
  });
});

describe("options out of their range", () => {
  it.each<[Partial<TrainOptions>, string]>([
    [{ batchSize: 1 }, "batchSize: expected an integer of at least 2, got 1"],
    [{ chunkSize: 3 }, "chunkSize: expected a divisor of the batch of 8, got 3"],
    [{ learningRate: 0 }, "learningRate: expected a number above 0, got 0"],
    [{ weightDecay: -1 }, "weightDecay: expected a number of at least 0, got -1"],
    [{ dropout: 1 }, "dropout: expected a number from 0 to below 1, got 1"],
    [{ maskRatio: 0.5, freeze: "vision" }, 'maskRatio: expected an image tower that is trained, got freeze "vision"'],
    [{ augment: true, freeze: "vision" }, 'augment: expected an image tower that is trained, got freeze "vision"'],
    [{ lora: { rank: 0 } }, "lora.rank: expected an integer of at least 1, got 0"],
    [{ lora: { rank: 2, targets: ["nothing"] } }, "lora.targets: expected linear layers of the vision tower, got nothing"],
    [{ freeze: "image" as never }, 'freeze: expected "vision" or "text", got "image"'],
  ])("%j", async (given, message) => {
    await expect(eventsOf(optionsOf(given))).rejects.toThrow(message);
  });
});
