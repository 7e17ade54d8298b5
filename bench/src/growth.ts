/**
 * How the time grows with the work: batches of 1 to 64 images and captions, and images of 224, 336 and 448 pixels. Linear cost shows as
 * straight lines through the origin; the table has the cost of one item, which then stays where it is.
 */
import { mkdir, writeFile } from "node:fs/promises";
import { agreement } from "./agreement.js";
import { compare, formatMs, type Timing } from "./compare.js";
import { captions, pixelValues } from "./inputs.js";
import { linePlot, type Panel } from "./line-plot.js";
import { type Embedder, loadOurs, OUR_DTYPES } from "./ours.js";

const BATCHES = [1, 2, 4, 8, 16, 32, 64];
const SIDES = [224, 336, 448];
const SIDE = 224;
const PATCH = 16;
const TOKENS = 16;
const DIM = 512;
const ROUNDS = { rounds: 2, warmup: 0, budgetMs: 25_000 };

/** Prints a table for each dtype and writes the plot; the sizes take turns, so that a slow moment does not bend the line, and
 * the least time of each counts: what else the machine does only adds. */
export async function benchGrowth(folder: string, plot: URL): Promise<void> {
  const panels: Panel[] = [];
  for (const dtype of OUR_DTYPES) {
    const embedder = await loadOurs(folder, dtype);
    if (embedder === undefined) continue;
    panels.push(...(await measure(embedder)));
    await embedder.dispose();
  }
  // One panel of each kind, a line for each dtype.
  const titles = [...new Set(panels.map(({ title }) => title))];
  const merged = titles.flatMap((title) => {
    const same = panels.filter((panel) => panel.title === title);
    return same.slice(0, 1).map((panel) => ({ ...panel, series: same.flatMap(({ series }) => series) }));
  });
  await mkdir(new URL(".", plot), { recursive: true });
  await writeFile(plot, linePlot(merged));
}

async function measure(embedder: Embedder): Promise<Panel[]> {
  const most = BATCHES.at(-1) ?? 1;
  const [pixels, texts] = [pixelValues(most, SIDE), captions(most, [TOKENS, TOKENS])];
  const perImage = 3 * SIDE * SIDE;
  // Towers are loaded at their first call.
  await embedder.embedImages(pixels.subarray(0, perImage), SIDE);
  await embedder.embedTexts(texts.slice(0, 1));
  const images = await compare(
    BATCHES.map((batch) => ({ name: String(batch), run: () => embedder.embedImages(pixels.subarray(0, batch * perImage), SIDE) })),
    ROUNDS,
  );
  const captioned = await compare(
    BATCHES.map((batch) => ({ name: String(batch), run: () => embedder.embedTexts(texts.slice(0, batch)) })),
    ROUNDS,
  );
  const sides = await compare(
    SIDES.map((side) => ({
      name: String(side),
      run: (
        (values) => () =>
          embedder.embedImages(values, side)
      )(pixelValues(1, side)),
    })),
    { ...ROUNDS, rounds: 4 },
  );
  for (const timings of [images, captioned]) checkRows(timings);

  const each = (timings: readonly Timing[], i: number): string => formatMs((timings[i]?.minMs ?? Number.NaN) / (BATCHES[i] ?? 1));
  console.log(`\n### Growth, ${embedder.name}, ViT-B/16, milliseconds for one item, the least of the rounds\n`);
  console.log(`| batch | ${BATCHES.join(" | ")} |\n|---|${"---:|".repeat(BATCHES.length)}`);
  console.log(`| image, ${SIDE} x ${SIDE} | ${BATCHES.map((_, i) => each(images, i)).join(" | ")} |`);
  console.log(`| caption, ${TOKENS} tokens | ${BATCHES.map((_, i) => each(captioned, i)).join(" | ")} |`);
  const tokens = SIDES.map((side) => (side / PATCH) ** 2 + 1);
  console.log(`\n| one image of | ${SIDES.map((side) => `${side} x ${side}`).join(" | ")} |\n|---|${"---:|".repeat(SIDES.length)}`);
  console.log(`| tokens | ${tokens.join(" | ")} |`);
  console.log(`| ms | ${sides.map(({ minMs }) => formatMs(minMs)).join(" | ")} |`);
  console.log(`| ms for 100 tokens | ${sides.map(({ minMs }, i) => formatMs((100 * minMs) / (tokens[i] ?? 1))).join(" | ")} |`);

  const line = (xs: readonly number[], timings: readonly Timing[]): [number, number][] =>
    timings.map(({ minMs }, i) => [xs[i] ?? 0, minMs]);
  const { name } = embedder;
  const [xLabel, yLabel] = ["batch", "ms for the batch"];
  return [
    { title: `Images of ${SIDE} x ${SIDE}`, xLabel, yLabel, series: [{ name, points: line(BATCHES, images) }] },
    { title: `Captions of ${TOKENS} tokens`, xLabel, yLabel, series: [{ name, points: line(BATCHES, captioned) }] },
    {
      title: "One image of 224, 336, 448",
      xLabel: "tokens of the image",
      yLabel: "ms for the image",
      series: [{ name, points: line(tokens, sides) }],
    },
  ];
}

/** The first row must not depend on the batch it is in, beyond rounding; for quantised activations a little more. */
function checkRows(timings: readonly Timing<Float32Array>[]): void {
  const first = timings[0]?.result;
  for (const { name, result } of timings) {
    const { cosine } = agreement(result.slice(0, DIM), first ?? new Float32Array(0), DIM);
    if (!(cosine > 0.999)) throw new Error(`benchGrowth: in a batch of ${name} the first row has cosine ${cosine} with itself alone`);
  }
}
