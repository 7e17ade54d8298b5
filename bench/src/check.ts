/**
 * The agreement that the benchmarks rest on, on small inputs and without a clock: the tiny checkpoint against the reference implementation's
 * numbers and against its own combined export, and batches against their items one by one. Seconds, and nothing to install.
 */
import { readFile } from "node:fs/promises";
import { fileURLToPath } from "node:url";
import { ChineseCLIP, Tensor } from "@chinese-clip/node";
import { agreement, normalized } from "./agreement.js";
import { SafetensorsValues } from "./safetensors-values.js";

const fixture = (name: string): string => fileURLToPath(new URL(`../../fixtures/${name}`, import.meta.url));
/** On normalised rows of float32; the bound of the goldens. */
const MAX_DIFFERENCE = 1e-5;
/** The tiny checkpoint's projection, sides of its images, and tokens of the golden texts. */
const DIM = 40;
const SIDE = 32;
const LARGE = [48, 40] as const;
const TOKENS = 9;

/**
 * Compares everything.
 *
 * @returns one line for each comparison, with its largest difference.
 * @throws Error - the first results that differ by more than 1e-5.
 */
export async function checkAgreement(): Promise<string[]> {
  const report: string[] = [];
  const compareRows = (what: string, ours: Float32Array, expected: Float32Array): void => {
    const { difference, cosine } = agreement(normalized(ours, DIM), normalized(expected, DIM), DIM);
    if (ours.length === 0 || !(difference <= MAX_DIFFERENCE)) throw new Error(`checkAgreement: ${what}: results differ by ${difference}`);
    report.push(`${what}: largest difference ${difference.toExponential(1)}, smallest cosine ${cosine.toFixed(6)}`);
  };
  const golden = await SafetensorsValues.open(fixture("tiny-vit/expected.safetensors"));
  await using clip = await ChineseCLIP.fromPretrained(fixture("tiny-vit"));
  await using exported = await ChineseCLIP.fromPretrained(fixture("tiny-onnx"));
  try {
    const inputIds = new Tensor("int64", await golden.integers("input_ids"), [4, TOKENS]);
    const attentionMask = new Tensor("int64", await golden.integers("attention_mask"), [4, TOKENS]);
    const pixels = await golden.values("pixel_values");
    const pixelValues = new Tensor("float32", pixels, [4, 3, SIDE, SIDE]);
    for (const [source, { model }] of [
      ["checkpoint", clip],
      ["combined export", exported],
    ] as const) {
      const text = await model.getTextFeatures({ inputIds, attentionMask });
      const image = await model.getImageFeatures({ pixelValues });
      compareRows(`texts, ${source} and reference`, text.data as Float32Array, await golden.values("text_embeds"));
      compareRows(`images, ${source} and reference`, image.data as Float32Array, await golden.values("image_embeds"));
    }
    const large = await clip.model.getImageFeatures({
      pixelValues: new Tensor("float32", await golden.values("pixel_values_large"), [2, 3, ...LARGE]),
      interpolatePosEncoding: true,
    });
    compareRows("larger images and reference", large.data as Float32Array, await golden.values("large_image_features"));

    const perImage = 3 * SIDE * SIDE;
    const single: number[] = [];
    for (let i = 0; i < 4; i++) {
      const one = new Tensor("float32", pixels.slice(i * perImage, (i + 1) * perImage), [1, 3, SIDE, SIDE]);
      single.push(...((await clip.model.getImageFeatures({ pixelValues: one })).data as Float32Array));
    }
    const batch = (await clip.model.getImageFeatures({ pixelValues })).data as Float32Array;
    compareRows("a batch of images and each alone", batch, Float32Array.from(single));
  } finally {
    await golden.close();
  }

  const texts = await tinyCaptions(150);
  const alone: number[] = [];
  for (const text of texts) alone.push(...(await clip.embedText(text)).data);
  const together = (await clip.embedText(texts)).data;
  compareRows(`${texts.length} captions together and each alone`, together, Float32Array.from(alone));
  compareRows(`${texts.length} captions, checkpoint and combined export`, together, (await exported.embedText(texts)).data);
  return report;
}

/** Captions of 1 to 14 words of the tiny vocabulary, shorter and longer ones mixed. */
async function tinyCaptions(count: number): Promise<string[]> {
  const words = (await readFile(fixture("tiny-vit/vocab.txt"), "utf8")).split("\n").filter((word) => /^[^[#]+$/.test(word));
  return Array.from({ length: count }, (_, i) =>
    Array.from({ length: 1 + ((i * 5) % 14) }, (_word, j) => words[(i * 31 + j * 17) % words.length] ?? "").join(" "),
  );
}
