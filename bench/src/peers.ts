/**
 * Ours beside transformers.js, on the same weights and the same inputs, in turn in one process: what a user waits for. A line's results are
 * compared before its times are printed.
 */
import { availableParallelism } from "node:os";
import { describeRuntime } from "@chinese-clip/node";
import { agreement } from "./agreement.js";
import { comeToRest, compare, formatMs, type Rounds, type Timing } from "./compare.js";
import { captions, pixelValues } from "./inputs.js";
import { type Embedder, loadOurs, OUR_DTYPES } from "./ours.js";
import { makePeerModel } from "./peer-model.js";
import { loadPeer } from "./peer.js";

interface Line extends Rounds {
  readonly what: string;
  readonly run: (embedder: Embedder) => Promise<Float32Array>;
  /** Whether only transformers.js' float32 with our number of threads is compared with. Default: both formats, and both numbers of threads. */
  readonly fp32Only?: boolean;
}

/** Between contestants: on one machine's cores one must not spin while the next computes. */
const REST_MS = 100;
const DIM = 512;
const SIDE = 224;
/** Two float32 programs of the same sums, on normalised rows; the bound of the goldens. */
const MAX_DIFFERENCE = 1e-5;

function lines(): readonly Line[] {
  const [images, query] = [pixelValues(8, SIDE), "一只红色的猫在草地上"];
  const image = images.slice(0, 3 * SIDE * SIDE);
  const [some, many] = [captions(64, [3, 16]), captions(2000, [3, 40])];
  return [
    { what: "8 images", run: (embedder) => embedder.embedImages(images, SIDE), rounds: 5, warmup: 1, budgetMs: 16_000, turnMs: 0 },
    { what: "1 image", run: (embedder) => embedder.embedImages(image, SIDE), rounds: 5, warmup: 0, budgetMs: 10_000, turnMs: 300 },
    {
      what: "one text query, 12 tokens",
      run: (embedder) => embedder.embedTexts([query]),
      rounds: 5,
      warmup: 1,
      budgetMs: 12_000,
      turnMs: 300,
    },
    { what: "the same, each after another model", run: (embedder) => embedder.embedTexts([query]), rounds: 15, warmup: 0, budgetMs: 8_000 },
    { what: "64 captions, 3-16 tokens", run: (embedder) => embedder.embedTexts(some), rounds: 5, warmup: 0, budgetMs: 14_000, turnMs: 500 },
    // The lines before have warmed everything up, and one round takes minutes.
    { what: "2,000 captions, 3-40 tokens", run: (embedder) => embedder.embedTexts(many), rounds: 1, warmup: 0, fp32Only: true },
  ];
}

/** Two peers, in float32 and in 8 bits. */
type Peers = readonly [Embedder, Embedder];

/**
 * Prints a row for each line and a column for each contestant, all with one thread for each core; then, where that is fewer, what transformers.js takes
 * with the threads that it has by itself. Fails where a float32 result is not the other's.
 */
export async function benchPeers(folder: string): Promise<void> {
  const exported = await makePeerModel(folder);
  const ours = (await Promise.all(OUR_DTYPES.map((dtype) => loadOurs(folder, dtype)))).filter((embedder) => embedder !== undefined);
  const cores = (await describeRuntime()).threads ?? availableParallelism();
  const load = async (threads?: number): Promise<Peers> => [
    await loadPeer(exported, "fp32", threads),
    await loadPeer(exported, "q8", threads),
  ];
  const peers = await load(cores);
  const unlimited = await load();
  const busy = await busyCores(unlimited[0]);
  const asTheyCome = busy < cores - 0.5 ? unlimited : [];
  if (asTheyCome.length === 0) await disposeAll(unlimited);
  const ratios = ours.map(({ name }) => `${name}: faster than its fp32 / its best by`);
  const header = (embedders: readonly Embedder[]): void => {
    console.log(`| what | rounds | ${[...embedders.map(({ name }) => name), ...ratios].join(" | ")} |`);
    console.log(`|---|${"---:|".repeat(1 + embedders.length + ratios.length)}`);
  };
  console.log(`\n### Ours and transformers.js 4.3.1, ViT-B/16, ${cores} threads each, milliseconds (median of the rounds)\n`);
  const columns = [...ours, ...peers];
  const quantized = columns.filter(({ name }) => name.endsWith("q8"));
  header(columns);

  await comeToRest();
  const agreements: string[] = [];
  const comings: string[] = [];
  for (const { what, run, fp32Only = false, ...rounds } of lines()) {
    const coming = fp32Only ? [] : asTheyCome;
    const timings = await compare(
      [...ours, ...(fp32Only ? peers.slice(0, 1) : peers), ...coming].map((embedder) => ({
        name: embedder.name,
        run: () => run(embedder),
      })),
      { ...rounds, restMs: REST_MS },
    );
    const timed = new Map(timings.map((timing) => [timing.name, timing]));
    const timingsOf = (some: readonly Embedder[]): Timing<Float32Array>[] => some.flatMap(({ name }) => timed.get(name) ?? []);
    const [own, theirs] = [timingsOf(ours), timingsOf(peers)];
    const reference = theirs[0];
    if (reference === undefined) throw new Error("benchPeers: expected a peer to compare with, got none");
    const alike = new Map([...own, ...theirs].map(({ name, result }) => [name, agreement(result, reference.result, DIM)]));
    const fp32 = alike.get("ours fp32")?.difference ?? Number.NaN;
    if (!(fp32 <= MAX_DIFFERENCE)) throw new Error(`benchPeers: ${what}: results differ by ${fp32}`);
    const cosines = quantized.map(({ name }) => alike.get(name)?.cosine.toFixed(5) ?? "");
    agreements.push(`| ${what} | ${fp32.toExponential(1)} | ${cosines.join(" | ")} |`);
    console.log(
      `| ${what} | ${reference.rounds} | ${columns.map(({ name }) => cell(timed.get(name))).join(" | ")} | ${faster(own, theirs)} |`,
    );
    if (coming.length === 0) continue;
    const asTimed = timingsOf(coming);
    comings.push(`| ${what} | ${reference.rounds} | ${asTimed.map(cell).join(" | ")} | ${faster(own, asTimed)} |`);
  }
  console.log(
    `\nBy itself transformers.js keeps ${busy.toFixed(1)} cores busy here${asTheyCome.length === 0 ? ": the same." : "; in the same rounds:\n"}`,
  );
  if (asTheyCome.length > 0) header(asTheyCome);
  for (const row of comings) console.log(row);

  console.log(`\nAgreement of the normalised embeddings with transformers.js fp32:\n`);
  console.log(
    `| what | ours fp32: largest difference | ${quantized.map(({ name }) => `${name}: smallest cosine`).join(" | ")} |\n|---|${"---:|".repeat(1 + quantized.length)}`,
  );
  for (const row of agreements) console.log(row);
  await disposeAll([...columns, ...asTheyCome]);
}

/** How many cores an embedder keeps busy while it embeds an image. */
async function busyCores(embedder: Embedder): Promise<number> {
  const image = pixelValues(1, SIDE);
  await embedder.embedImages(image, SIDE);
  const [before, start] = [process.cpuUsage(), performance.now()];
  for (let i = 0; i < 5; i++) await embedder.embedImages(image, SIDE);
  const { user, system } = process.cpuUsage(before);
  return (user + system) / 1000 / (performance.now() - start);
}

async function disposeAll(embedders: readonly Embedder[]): Promise<void> {
  for (const embedder of embedders) await embedder.dispose();
}

/** The median, the least and the most; nothing of a contestant that did not run. */
function cell(timing: Timing | undefined): string {
  return timing === undefined ? "" : `${formatMs(timing.medianMs)} (${formatMs(timing.minMs)}-${formatMs(timing.maxMs)})`;
}

/** For each of ours how much faster than the peer's float32, and than the faster of its formats. */
function faster(ours: readonly Timing[], peers: readonly Timing[]): string {
  const best = Math.min(...peers.map(({ medianMs }) => medianMs));
  const ratio = (reference: number, { medianMs }: Timing): string => `${(reference / medianMs).toFixed(2)}x`;
  return ours.map((own) => `${ratio(peers[0]?.medianMs ?? Number.NaN, own)} / ${ratio(best, own)}`).join(" | ");
}
