/**
 * Ours beside transformers.js, on the same weights and the same inputs, in turn in one process: what a user waits for. A line's results are
 * compared before its times are printed.
 */
import { agreement } from "./agreement.js";
import { compare, formatMs, type Rounds } from "./compare.js";
import { captions, pixelValues } from "./inputs.js";
import { type Embedder, loadOurs, OUR_DTYPES } from "./ours.js";
import { makePeerModel } from "./peer-model.js";
import { loadPeer } from "./peer.js";

interface Line extends Rounds {
  readonly what: string;
  readonly run: (embedder: Embedder) => Promise<Float32Array>;
}

const DIM = 512;
const SIDE = 224;
/** Two float32 programs of the same sums, on normalised rows; the bound of the goldens. */
const MAX_DIFFERENCE = 1e-5;

function lines(): readonly Line[] {
  const [images, query] = [pixelValues(8, SIDE), "一只红色的猫在草地上"];
  const image = images.slice(0, 3 * SIDE * SIDE);
  const [some, many] = [captions(64, [3, 16]), captions(2000, [3, 40])];
  return [
    { what: "8 images", run: (embedder) => embedder.embedImages(images, SIDE), rounds: 7, warmup: 1, budgetMs: 25_000 },
    { what: "1 image", run: (embedder) => embedder.embedImages(image, SIDE), rounds: 15, warmup: 2, budgetMs: 12_000 },
    { what: "one text query, 12 tokens", run: (embedder) => embedder.embedTexts([query]), rounds: 25, warmup: 3, budgetMs: 12_000 },
    { what: "64 captions, 3-16 tokens", run: (embedder) => embedder.embedTexts(some), rounds: 7, warmup: 1, budgetMs: 25_000 },
    // The lines before have warmed everything up, and one round takes minutes.
    { what: "2,000 captions, 3-40 tokens", run: (embedder) => embedder.embedTexts(many), rounds: 3, warmup: 0, budgetMs: 60_000 },
  ];
}

/** Prints one table: a row for each line, a column for each contestant. Fails where a float32 result is not the other's. */
export async function benchPeers(folder: string): Promise<void> {
  const exported = await makePeerModel(folder);
  const ours = (await Promise.all(OUR_DTYPES.map((dtype) => loadOurs(folder, dtype)))).filter((embedder) => embedder !== undefined);
  const peers = [await loadPeer(exported, "fp32"), await loadPeer(exported, "q8")];
  const embedders = [...ours, ...peers];
  const ratios = ours.map(({ name }) => `${name}: faster than its fp32 / its best by`);
  console.log("\n### Ours and transformers.js 4.3.1, ViT-B/16, milliseconds (median of the rounds)\n");
  console.log(`| what | rounds | ${[...embedders.map(({ name }) => name), ...ratios].join(" | ")} |`);
  console.log(`|---|${"---:|".repeat(1 + embedders.length + ratios.length)}`);

  const agreements: string[] = [];
  for (const { what, run, ...rounds } of lines()) {
    const timings = await compare(
      embedders.map((embedder) => ({ name: embedder.name, run: () => run(embedder) })),
      rounds,
    );
    const reference = timings[ours.length];
    if (reference === undefined) throw new Error("benchPeers: expected a peer to compare with, got none");
    const alike = timings.map(({ result }) => agreement(result, reference.result, DIM));
    const fp32 = alike[0]?.difference ?? Number.NaN;
    if (!(fp32 <= MAX_DIFFERENCE)) throw new Error(`benchPeers: ${what}: results differ by ${fp32}`);
    agreements.push(
      `| ${what} | ${fp32.toExponential(1)} | ${timings.flatMap(({ name }, i) => (name.endsWith("fp32") ? [] : [(alike[i]?.cosine ?? Number.NaN).toFixed(5)])).join(" | ")} |`,
    );
    const best = Math.min(...timings.slice(ours.length).map(({ medianMs }) => medianMs));
    const cells = timings.map(({ medianMs, minMs, maxMs }) => `${formatMs(medianMs)} (${formatMs(minMs)}-${formatMs(maxMs)})`);
    const faster = timings
      .slice(0, ours.length)
      .map(({ medianMs }) => `${(reference.medianMs / medianMs).toFixed(2)}x / ${(best / medianMs).toFixed(2)}x`);
    console.log(`| ${what} | ${reference.rounds} | ${[...cells, ...faster].join(" | ")} |`);
  }
  const quantized = embedders.filter(({ name }) => !name.endsWith("fp32")).map(({ name }) => `${name}: smallest cosine`);
  console.log(`\nAgreement of the normalised embeddings with transformers.js fp32:\n`);
  console.log(`| what | ours fp32: largest difference | ${quantized.join(" | ")} |\n|---|${"---:|".repeat(1 + quantized.length)}`);
  for (const row of agreements) console.log(row);
  for (const embedder of embedders) await embedder.dispose();
}
