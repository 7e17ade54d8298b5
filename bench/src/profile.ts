/**
 * What limits each line: ONNX Runtime's own profile, summed up by operator.
 */
import { mkdir, readdir, readFile, rm } from "node:fs/promises";
import { join } from "node:path";
import { captions, pixelValues } from "./inputs.js";
import { type Embedder, loadOurs, OUR_DTYPES } from "./ours.js";

const SIDE = 224;
const TOP = 6;
const RUNS = 4;

/** An event of the profile; operators have `cat: "Node"` and their type among the arguments. */
interface ProfileEvent {
  readonly cat?: string;
  readonly name?: string;
  readonly dur?: number;
  readonly args?: { readonly op_name?: string };
}

/** Prints, for each line and dtype, the operators that take most of the time. */
export async function benchProfile(folder: string, scratch: string): Promise<void> {
  const images = pixelValues(8, SIDE);
  const lines: readonly (readonly [string, (embedder: Embedder) => Promise<unknown>])[] = [
    ["8 images", (embedder) => embedder.embedImages(images, SIDE)],
    ["1 image", (embedder) => embedder.embedImages(images.slice(0, 3 * SIDE * SIDE), SIDE)],
    ["one text query, 12 tokens", (embedder) => embedder.embedTexts(["一只红色的猫在草地上"])],
    ["64 captions, 3-16 tokens", (embedder) => embedder.embedTexts(captions(64, [3, 16]))],
  ];
  console.log(`\n### Where the time goes, by operator (share of the operators' time, ${RUNS} runs)\n\n| what | contestant | ms a run | most of it |\n|---|---|---:|---|`); // prettier-ignore
  for (const dtype of OUR_DTYPES) {
    for (const [what, run] of lines) {
      await rm(scratch, { recursive: true, force: true });
      await mkdir(scratch, { recursive: true });
      const sessionOptions = { enableProfiling: true, profileFilePrefix: join(scratch, "ort") };
      const embedder = await loadOurs(folder, dtype, { sessionOptions });
      if (embedder === undefined) break;
      for (let i = 0; i < RUNS; i++) await run(embedder);
      await embedder.dispose();
      const times = await operatorTimes(scratch);
      const total = times.reduce((sum, [, time]) => sum + time, 0);
      const shares = times.slice(0, TOP).map(([name, time]) => `${name} ${((100 * time) / total).toFixed(0)}%`);
      console.log(`| ${what} | ${embedder.name} | ${(total / RUNS / 1000).toFixed(1)} | ${shares.join(", ")} |`);
    }
  }
}

/** Microseconds by operator type, most first, over all profiles of a folder. */
async function operatorTimes(folder: string): Promise<[string, number][]> {
  const files = await readdir(folder);
  if (files.length === 0) throw new Error("benchProfile: expected a profile, got none");
  const times = new Map<string, number>();
  for (const file of files) {
    for (const [name, time] of sumByOperator(JSON.parse(await readFile(join(folder, file), "utf8")) as ProfileEvent[]))
      times.set(name, (times.get(name) ?? 0) + time);
  }
  return [...times].sort(([, a], [, b]) => b - a);
}

/** Adds up the kernels' times; the marks around them count nothing. */
export function sumByOperator(events: readonly ProfileEvent[]): Map<string, number> {
  const times = new Map<string, number>();
  for (const { cat, name = "", dur = 0, args } of events) {
    if (cat !== "Node" || !name.endsWith("_kernel_time") || args?.op_name === undefined) continue;
    times.set(args.op_name, (times.get(args.op_name) ?? 0) + dur);
  }
  return times;
}
