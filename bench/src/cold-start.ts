/**
 * From process start to the first text embedding of a ViT-B/16, and the memory that takes at most: ours beside transformers.js, processes in turn.
 */
import { execFile } from "node:child_process";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";
import { formatMs, median } from "./compare.js";
import { loadOurs, OUR_DTYPES } from "./ours.js";
import { makePeerModel } from "./peer-model.js";
import { installPeers, PEER_MODULE } from "./peer.js";

interface Start {
  readonly importedMs: number;
  readonly loadedMs: number;
  readonly firstMs: number;
  /** After a while; undefined where there was none. */
  readonly queryMs?: number;
  /** When the first embedding is there. */
  readonly peakRss?: number;
  readonly anonymous?: number;
  /** After further queries, with whatever makes those faster. */
  readonly steady?: { readonly peakRss?: number };
  /** The first number of the embedding. */
  readonly first: number;
}

const RUNS = 3;
const TEXT = "一只红色的猫在草地上";
const MB = 1e6;
const child = (name: string): string => fileURLToPath(new URL(`children/${name}.mjs`, import.meta.url));

/** Prints one row for each contestant, medians of {@link RUNS} processes; the files are in the page cache. */
export async function benchColdStart(folder: string): Promise<void> {
  await installPeers();
  const peer = await makePeerModel(folder);
  const contestants: { name: string; command: readonly string[] }[] = [];
  for (const dtype of OUR_DTYPES) {
    // Also writes what is written once and cached, such as quantised weights.
    const embedder = await loadOurs(folder, dtype);
    if (embedder === undefined) continue;
    await embedder.embedTexts([TEXT]);
    await embedder.dispose();
    for (const memory of ["", "lowMemory"])
      contestants.push({ name: `${embedder.name} ${memory}`.trim(), command: [child("first-text"), folder, TEXT, dtype, memory] });
  }
  for (const dtype of ["fp32", "q8"])
    contestants.push({ name: `transformers.js ${dtype}`, command: [child("first-text-peer"), PEER_MODULE.href, peer, TEXT, dtype] });

  const runs = contestants.map((): Start[] => []);
  for (let round = -1; round < RUNS; round++) {
    // What comes after the first text takes seconds, and is looked at once.
    const seconds = round === RUNS - 1 ? "6" : "0";
    for (const [i, { command }] of contestants.entries()) {
      const { stdout } = await promisify(execFile)(process.execPath, [...command, seconds]);
      if (round >= 0) runs[i]?.push(JSON.parse(stdout) as Start);
    }
  }
  const last = (i: number): Start | undefined => runs[i]?.at(-1);
  const middle = (i: number, key: Exclude<keyof Start, "first" | "steady" | "queryMs">): number =>
    median((runs[i] ?? []).map((run) => run[key] ?? Number.NaN));
  const reference = contestants.findIndex(({ name }) => name === "transformers.js fp32");
  const difference = Math.abs((runs[0]?.[0]?.first ?? Number.NaN) - (runs[reference]?.[0]?.first ?? Number.NaN));
  if (!(difference <= 1e-5)) throw new Error(`benchColdStart: the first number of the embedding differs by ${difference}`);

  console.log(`\n### Process start to first text embedding, ViT-B/16 (median of ${RUNS} processes each, in turn)\n`);
  console.log(
    "| contestant | package imported ms | model ready ms | first embedding ms | of transformers.js fp32 | a query, 6 s later (last process) ms | peak RSS MB | of transformers.js fp32 | of it not pages of files MB | peak RSS after further queries (last process) MB |",
  );
  console.log("|---|---:|---:|---:|---:|---:|---:|---:|---:|---:|");
  for (const [i, { name }] of contestants.entries()) {
    const share = (key: "firstMs" | "peakRss"): string => `${(middle(i, key) / middle(reference, key)).toFixed(2)}x`;
    const steady = last(i)?.steady?.peakRss ?? Number.NaN;
    console.log(
      `| ${name} | ${formatMs(middle(i, "importedMs"))} | ${formatMs(middle(i, "loadedMs"))} | ${formatMs(middle(i, "firstMs"))} | ${share("firstMs")} | ${formatMs(last(i)?.queryMs ?? Number.NaN)} | ${(middle(i, "peakRss") / MB).toFixed(0)} | ${share("peakRss")} | ${(middle(i, "anonymous") / MB).toFixed(0)} | ${(steady / MB).toFixed(0)} |`,
    );
  }
}
