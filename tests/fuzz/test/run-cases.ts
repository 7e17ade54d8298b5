/** Runs a reader over mutated inputs and tells its own errors from foreign ones. */
import { Worker } from "node:worker_threads";
import { mutateBytes, mutateJson, mutateText } from "./mutations.js";
import { Random } from "./random.js";

/** What is fuzzed: one reader and valid inputs to start from. `json` readers take parsed JSON. */
export type Reader = {
  readonly name: string;
  /** Its part of all cases. */
  readonly weight: number;
  /** Each case writes files, starts a process, loads a model or asks a server: it has a tenth of its part. */
  readonly costly?: true;
} & (
  | { readonly kind: "bytes"; readonly seeds: readonly Uint8Array[]; readonly read: (input: Uint8Array) => unknown }
  | { readonly kind: "text"; readonly seeds: readonly string[]; readonly read: (input: string) => unknown }
  | { readonly kind: "json-text"; readonly seeds: readonly string[]; readonly read: (input: string) => unknown }
  | { readonly kind: "json"; readonly seeds: readonly string[]; readonly read: (input: unknown) => unknown }
);

/** A row of the report. */
export interface ReaderReport {
  readonly reader: string;
  cases: number;
  accepted: number;
  readonly rejected: Map<string, number>;
  slowestMs: number;
  slowestCase: number;
  readonly faults: string[];
}

const ERROR_CLASSES = new Set(
  "TokenizerError|ImageError|CheckpointError|HubError|SearchError|DatasetError|EvaluationError|TemplateError|PythonJsonError|UsageError|CommandError|ServerError|QueueError|ClassifierError|TrainingError|InferenceError|WorkerError".split(
    "|",
  ),
);
/** A mistake in a call: the message begins with the function's name. */
const CALL = /^fromPretrained: expected /u;
/** These have no code of their own: a message of the command, and what a caller turns into an error with its place. */
const WITHOUT_CODE = new Set(["PythonJsonError", "UsageError", "CommandError"]);
const MAX_MS = 2000;
const MAX_MESSAGE = 4096;
const MAX_GROWTH = 512 * 1024 * 1024;
const MAX_FAULTS = 20;

/** Cases of a reader among so many in all. */
export function casesOf(reader: Reader, all: readonly Reader[], total: number): number {
  const partOf = ({ weight, costly }: Reader): number => (costly === true ? weight / 10 : weight);
  return Math.ceil((total * partOf(reader)) / all.reduce((sum, one) => sum + partOf(one), 0));
}

/** Runs these cases; case `n` of a seed is the same in every run. */
export async function runReader(reader: Reader, seed: number, from: number, count: number): Promise<ReaderReport> {
  const report: ReaderReport = {
    reader: reader.name,
    cases: 0,
    accepted: 0,
    rejected: new Map(),
    slowestMs: 0,
    slowestCase: 0,
    faults: [],
  };
  const watchdog = createWatchdog(reader.name, seed);
  for (let number = from; number < from + count; number++) {
    const random = new Random(Math.imul(seed, 0x9e3779b1) ^ Math.imul(number + 1, 0x85ebca6b));
    const run = prepareCase(reader, random);
    const rss = process.memoryUsage.rss();
    watchdog.report(number);
    const [start, cpu] = [performance.now(), process.cpuUsage()];
    let fault: string | undefined;
    try {
      await run();
      report.accepted++;
    } catch (error) {
      fault = faultOf(error);
      const code = error instanceof Error && "code" in error ? String(error.code) : error instanceof Error ? error.name : typeof error;
      report.rejected.set(code, (report.rejected.get(code) ?? 0) + 1);
    }
    const wall = performance.now() - start;
    const { user, system } = process.cpuUsage(cpu);
    // Of the two the smaller: other programs of the machine count for nothing, nor do the threads of V8's collector.
    const ms = Math.min(wall, (user + system) / 1000);
    if (ms > MAX_MS) fault ??= `took ${Math.round(ms)} ms`;
    const growth = process.memoryUsage.rss() - rss;
    if (growth > MAX_GROWTH) fault ??= `grew by ${Math.round(growth / 1e6)} MB`;
    report.cases++;
    if (ms > report.slowestMs) [report.slowestMs, report.slowestCase] = [ms, number];
    if (fault !== undefined && report.faults.length < MAX_FAULTS)
      report.faults.push(
        `${fault}\n    CHINESE_CLIP_FUZZ_SEED=${seed} CHINESE_CLIP_FUZZ_READER="${reader.name}" CHINESE_CLIP_FUZZ_CASE=${number} pnpm fuzz`,
      );
  }
  await watchdog.stop();
  return report;
}

/** A call of a reader with a damaged input, which the generator has made already. */
export function prepareCase(reader: Reader, random: Random): () => unknown {
  if (reader.kind === "bytes") {
    let bytes = mutateBytes(random.pick(reader.seeds), random.pick(reader.seeds), random);
    if (random.below(4) === 0) bytes = mutateBytes(bytes, random.pick(reader.seeds), random);
    return () => reader.read(bytes);
  }
  const [seed, other]: [string, string] = [random.pick(reader.seeds), random.pick(reader.seeds)];
  if (reader.kind === "text") {
    const text = mutateText(seed, other, random);
    return () => reader.read(text);
  }
  const text = random.below(8) === 0 ? mutateText(seed, other, random) : mutateJson(seed, random);
  if (reader.kind === "json-text") return () => reader.read(text);
  let json: unknown;
  try {
    json = JSON.parse(text);
  } catch {
    json = JSON.parse(mutateJson(seed, random));
  }
  return () => reader.read(json);
}

/** What is wrong with an error; undefined for one of the house's own, whose message is short. */
export function faultOf(error: unknown): string | undefined {
  if (!(error instanceof Error)) return `threw ${typeof error}`;
  const { name, message } = error;
  if ((name === "TypeError" || name === "RangeError") && CALL.test(message) && message.length <= MAX_MESSAGE) return undefined;
  const code: unknown = "code" in error ? error.code : undefined;
  if (!ERROR_CLASSES.has(name) || (typeof code !== "string" && !WITHOUT_CODE.has(name)))
    return `foreign ${name}: ${message.slice(0, 200)}\n    ${placeOf(error)}`;
  if (message.length > MAX_MESSAGE)
    return `${name} ${String(code)} with a message of ${message.length} characters: ${message.slice(0, 100)}`;
  return /\p{Cc}/u.test(message.replaceAll(/[\n\t]/gu, ""))
    ? `${name} ${String(code)} with control characters: ${JSON.stringify(message.slice(0, 200))}`
    : undefined;
}

/** Where in the packages an error was thrown. */
function placeOf(error: Error): string {
  const lines = (error.stack ?? "").split("\n").filter((line) => line.includes("/src/"));
  return lines.slice(0, 4).join("\n    ");
}

/** A thread that says which case hangs and ends the process, which the hanging thread itself cannot. */
function createWatchdog(
  reader: string,
  seed: number,
): { readonly report: (number: number) => void; readonly stop: () => Promise<unknown> } {
  const shared = new Int32Array(new SharedArrayBuffer(4));
  const source = `
    const { workerData } = require("node:worker_threads");
    const { writeSync } = require("node:fs");
    let [last, seconds] = [-1, 0]; // counted, since a process that is stopped and goes on has not hung
    setInterval(() => {
      const now = Atomics.load(workerData.shared, 0);
      if (now !== last) [last, seconds] = [now, 0];
      else if (++seconds > 60) {
        writeSync(2, "HANG: reader " + workerData.reader + ", seed " + workerData.seed + ", case " + now + "\\n");
        process.kill(process.pid, "SIGKILL");
      }
    }, 1000);`;
  const worker = new Worker(source, { eval: true, workerData: { shared, reader, seed } });
  worker.unref();
  return { report: (number) => Atomics.store(shared, 0, number), stop: () => worker.terminate() };
}
