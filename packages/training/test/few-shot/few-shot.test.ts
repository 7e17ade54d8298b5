import type { Embedder } from "@chinese-clip/pipeline";
import { formatClassifier, parseClassifier } from "@chinese-clip/pipeline/classifier";
import { describe, expect, it } from "vitest";
import { compareShots, evaluateHead, fewShot, type FewShotClass, TrainingError } from "../../src/few-shot/index.js";
import { foldsOf } from "../../src/few-shot/folds.js";
import { centresAsTexts, DIM, examplesOf } from "./examples.js";

const { examples } = examplesOf(8, 2);
const { examples: test } = examplesOf(60, 3);
const texts = centresAsTexts(9, 1.2);

/** An image is the row of its embedding, or `null`: unreadable. */
type Image = number | null | Uint8Array;

const embedder: Embedder<Image> = {
  dim: DIM,
  fingerprint: "fake-fp32",
  embedText: async (given) => {
    const rows = given.map((text) => Math.max(0, examples.classes.indexOf(text)));
    const data = Float32Array.from(rows.flatMap((row) => [...texts.subarray(row * DIM, (row + 1) * DIM)]));
    return { data, count: given.length, dim: DIM };
  },
  async *embedImages<Input extends Image>(images: Iterable<Input> | AsyncIterable<Input>) {
    let index = 0;
    for await (const input of images) {
      if (input === null) yield { index: index++, input, error: new Error("no picture") };
      else {
        const row = typeof input === "number" ? input : 0;
        yield { index: index++, input, embedding: examples.features.slice(row * DIM, (row + 1) * DIM) };
      }
    }
  },
};

/** The examples by class, as images. */
const classes: FewShotClass<Image>[] = examples.classes.map((label, target) => ({
  label,
  examples: examples.labels.flatMap((one, row) => (one === target ? [row] : [])),
}));

describe("fewShot", () => {
  it("chooses a method by cross-validation, the same in every run, and its file gives the same scores", async () => {
    const progress: string[] = [];
    const options = { embedder, classes, logitScale: 10 };
    const result = await fewShot({ ...options, onProgress: (step, done, total) => void progress.push(`${step} ${done}/${total}`) });
    expect(result.validation.map(({ method }) => method)).toEqual(["zero-shot", "tip-adapter", "tip-adapter-f", "linear"]);
    expect(result.folds).toBe(4);
    expect(result.counts).toEqual([8, 8, 8, 8, 8]);
    const best = Math.max(...result.validation.slice(1).map(({ accuracy }) => accuracy));
    expect(result.validation.find(({ method }) => method === result.classifier.head.method)?.accuracy).toBe(best);
    // Each example was held out once.
    for (const { confusion } of result.validation) expect(confusion.map((row) => row.reduce((a, b) => a + b))).toEqual([8, 8, 8, 8, 8]);
    expect(evaluateHead(result.classifier.head, test).accuracy).toBeGreaterThan(0.6);
    expect((await fewShot(options)).classifier).toEqual(result.classifier);
    expect(parseClassifier(formatClassifier(result.classifier))).toEqual(result.classifier);
    expect(progress.filter((line) => line.startsWith("images")).at(-1)).toBe("images 40/40");
    const [done, total] = (progress.at(-1) ?? "").replace("fit ", "").split("/");
    expect(done).toBe(total);
  });

  it.each(["linear", "tip-adapter", "tip-adapter-f"] as const)("fits %s alone, from cached embeddings as from images", async (method) => {
    const cached = classes.map(({ label, examples: images }) => ({
      label,
      examples: images.map((row) => examples.features.slice((row as number) * DIM, ((row as number) + 1) * DIM)),
    }));
    const { classifier } = await fewShot({ embedder, classes: cached, method, logitScale: 10 });
    expect(classifier.head.method).toBe(method);
    expect(classifier).toEqual((await fewShot({ embedder, classes, method, logitScale: 10 })).classifier);
  });

  it("does with a single example of each class, and says that nothing was measured", async () => {
    const single = classes.map(({ label, examples: images }) => ({ label, examples: images.slice(0, 1) }));
    const { classifier, folds, validation } = await fewShot({ embedder, classes: single });
    expect({ method: classifier.head.method, folds, validation }).toEqual({ method: "tip-adapter", folds: 0, validation: [] });
    const { classifier: probe } = await fewShot({ embedder, classes: single, method: "linear" });
    expect(probe.head).toMatchObject({ method: "linear", regularization: 0.01 });
  });

  it("keeps a class's only example on the fitted side", () => {
    const rows = examples.labels.flatMap((label, row) => (label > 0 || row === 0 ? [row] : []));
    const some = {
      ...examples,
      features: examples.features.subarray(0, rows.length * DIM),
      labels: rows.map((row) => examples.labels[row]!),
    };
    for (const { fitted, heldOut } of foldsOf(some)) {
      expect(fitted.labels.filter((label) => label === 0)).toHaveLength(1);
      expect(heldOut.labels).not.toContain(0);
    }
  });

  it("skips and counts what is unreadable, repeated, or in two classes", async () => {
    const [first, second, ...rest] = classes as [FewShotClass<Image>, FewShotClass<Image>, ...FewShotClass<Image>[]];
    const messy = [
      { label: first.label, examples: [...first.examples, null, 0] },
      { label: second.label, examples: [...second.examples, 1] },
      ...rest,
    ];
    const { skipped, counts } = await fewShot({ embedder, classes: messy, method: "tip-adapter" });
    expect(skipped.map(({ label, index, reason }) => [label, index, reason])).toEqual([
      ["甲", 8, "unreadable"],
      ["甲", 1, "in-two-classes"],
      ["甲", 9, "repeated"],
      ["乙", 8, "in-two-classes"],
    ]);
    expect(counts).toEqual([7, 8, 8, 8, 8]);
  });

  it.each<[string, readonly FewShotClass<Image>[], string, string]>([
    ["no class", [], "too-few-classes", "got 0"],
    ["one class", classes.slice(0, 1), "too-few-classes", "got 1"],
    ["an empty class", [...classes, { label: "己", examples: [] }], "no-examples", '"己"'],
    ["a class of unreadable images", [...classes, { label: "己", examples: [null, null] }], "no-examples", "2 skipped"],
    [
      "two classes of one image",
      [
        { label: "甲", examples: [3] },
        { label: "乙", examples: [3] },
      ],
      "no-examples",
      '"甲"',
    ],
    ["a name twice", [...classes, classes[0]!], "repeated-class", '"甲"'],
    ["an empty name", [...classes, { label: " ", examples: [1] }], "invalid-class-name", '" "'],
    ["an endless name", [...classes, { label: "长".repeat(201), examples: [1] }], "invalid-class-name", "200"],
  ])("rejects %s", async (_, given, code, part) => {
    const error = await fewShot({ embedder, classes: given }).catch((thrown: unknown) => thrown);
    expect(error).toBeInstanceOf(TrainingError);
    expect(error).toMatchObject({ code });
    expect((error as Error).message).toContain(part);
  });

  it("takes names with odd characters", async () => {
    const names = ["__proto__", 'a"b\n\u202e', "{}$&", "constructor", "a/../b"];
    const odd = classes.map(({ examples: images }, i) => ({ label: names[i]!, examples: images }));
    const { classifier } = await fewShot({ embedder, classes: odd, method: "linear" });
    expect(parseClassifier(formatClassifier(classifier)).head.classes).toEqual(names);
  });

  it("ends by its signal, between two steps", async () => {
    const ended = new AbortController();
    const reason = new Error("enough");
    const fitting = fewShot({ embedder, classes, signal: ended.signal, onProgress: (step) => step === "fit" && ended.abort(reason) });
    await expect(fitting).rejects.toBe(reason);
  });

  it("rejects embeddings of another model's size", async () => {
    const other = [{ label: "甲", examples: [new Float32Array(7)] }, ...classes.slice(1)];
    await expect(fewShot({ embedder, classes: other })).rejects.toThrow("expected embeddings of 8 values, got 7");
  });
});

describe("compareShots", () => {
  it("measures on what the largest number of shots leaves over", async () => {
    const rows = [];
    for await (const row of compareShots(test, { shots: [1, 4, 16], texts, scale: 10 })) rows.push(row);
    expect(rows.map(({ shots, tested }) => [shots, tested])).toEqual([
      [1, 220],
      [4, 220],
      [16, 220],
    ]);
    expect(rows.at(-1)!.accuracy.auto).toBeGreaterThan(rows[0]!.zeroShot);
    expect(rows.at(-1)!.accuracy.linear).toBeGreaterThan(rows[0]!.accuracy.linear);
    await expect(compareShots(test, { shots: [60], texts, scale: 10 }).next()).rejects.toThrow("expected more than 60 examples");
  });
});
