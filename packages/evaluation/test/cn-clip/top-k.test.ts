import { readFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { invertAnnotation, parseAnnotation } from "../../src/cn-clip/annotation.js";
import { type Features, readFeatures } from "@chinese-clip/dataset";
import { formatJudgement, judgePredictions } from "../../src/cn-clip/recall.js";
import { formatPrediction, searchTopK } from "../../src/cn-clip/top-k.js";

const fixture = (name: string): string => fileURLToPath(new URL(`../../../../fixtures/evaluation/retrieval/${name}`, import.meta.url));
const read = (name: string): string => readFileSync(fixture(name), "utf8");

describe.each(["ties", "floats"])("cn_clip's files for the features of %s, byte for byte", (set) => {
  it("predictions and results, images found by texts", async () => {
    const images = await readFeatures(fixture(`${set}/valid_imgs.img_feat.jsonl`), "image_id");
    const texts = await readFeatures(fixture(`${set}/valid_texts.txt_feat.jsonl`), "text_id");
    const predictions = [...searchTopK(texts, images, 10)].flat().map((found) => formatPrediction(found, "text-to-image"));
    expect(predictions.join("")).toBe(read(`${set}/valid_predictions.jsonl`));
    const judgement = judgePredictions(read(`${set}/valid_texts.jsonl`), predictions.join(""), "text-to-image");
    expect(formatJudgement(judgement)).toBe(read(`${set}/valid_output.json`));
  });

  it("the annotation turned round, predictions and results, texts found by images", async () => {
    const images = await readFeatures(fixture(`${set}/valid_imgs.img_feat.jsonl`), "image_id");
    const texts = await readFeatures(fixture(`${set}/valid_texts.txt_feat.jsonl`), "text_id");
    const inverted = invertAnnotation(parseAnnotation(read(`${set}/valid_texts.jsonl`), "valid_texts.jsonl"));
    expect(inverted).toBe(read(`${set}/valid_texts.tr.jsonl`));
    const predictions = [...searchTopK(images, texts, 10)].flat().map((found) => formatPrediction(found, "image-to-text"));
    expect(predictions.join("")).toBe(read(`${set}/valid_tr_predictions.jsonl`));
    expect(formatJudgement(judgePredictions(inverted, predictions.join(""), "image-to-text"))).toBe(read(`${set}/valid_tr_output.json`));
  });
});

describe("against brute force", () => {
  it("3,000 random sets of features with many ties give the same finds and the same recall", () => {
    const value = fc.integer({ min: -1, max: 1 });
    const sets = fc
      .record({ dim: fc.integer({ min: 1, max: 5 }), images: fc.integer({ min: 10, max: 24 }), texts: fc.integer({ min: 1, max: 20 }) })
      .chain(({ dim, images, texts }) =>
        fc.record({
          dim: fc.constant(dim),
          images: fc.array(fc.array(value, { minLength: dim, maxLength: dim }), { minLength: images, maxLength: images }),
          texts: fc.array(
            fc.record({
              feature: fc.array(value, { minLength: dim, maxLength: dim }),
              right: fc.array(fc.nat(images - 1), { maxLength: 3 }),
            }),
            { minLength: texts, maxLength: texts },
          ),
        }),
      );
    let ties = 0;
    fc.assert(
      fc.property(sets, ({ dim, images, texts }) => {
        const gallery: Features = { ids: images.map((_, i) => 100 + i), data: Float32Array.from(images.flat()), dim };
        const queries: Features = { ids: texts.map((_, i) => i), data: Float32Array.from(texts.flatMap(({ feature }) => feature)), dim };
        const found = [...searchTopK(queries, gallery, 10)].flat();

        let [hits1, hits5, hits10] = [0, 0, 0];
        for (const [query, { feature, right }] of texts.entries()) {
          const scores = images.map((image) => image.reduce((sum, x, e) => sum + x * feature[e]!, 0));
          // The rank of an item is the number of those that are better, or equal and before it.
          const ranks = scores.map((own, item) => scores.filter((score, other) => score > own || (score === own && other < item)).length);
          const byRank = images.map((_, item) => item).sort((a, b) => ranks[a]! - ranks[b]!);
          if (new Set(scores).size < scores.length) ties++;
          expect(found[query]).toEqual({ queryId: query, ids: byRank.slice(0, 10).map((item) => 100 + item) });
          const best = Math.min(...right.map((item) => ranks[item]!), Infinity);
          if (best < 1) hits1++;
          if (best < 5) hits5++;
          if (best < 10) hits10++;
        }
        const reference = texts
          .map(({ right }, i) => JSON.stringify({ text_id: i, image_ids: right.map((item) => 100 + item) }))
          .join("\n");
        const judgement = judgePredictions(reference, found.map((one) => formatPrediction(one, "text-to-image")).join(""), "text-to-image");
        if (!judgement.success) throw new Error(judgement.reason);
        const percent = (hits: number): number => (100 * hits) / texts.length;
        expect(judgement.recall.r1).toBeCloseTo(percent(hits1), 9);
        expect(judgement.recall.r5).toBeCloseTo(percent(hits5), 9);
        expect(judgement.recall.r10).toBeCloseTo(percent(hits10), 9);
        expect(judgement.recall.meanRecall).toBeCloseTo((percent(hits1) + percent(hits5) + percent(hits10)) / 3, 9);
      }),
      { numRuns: 3000 },
    );
    expect(ties).toBeGreaterThan(3000);
  });
});
