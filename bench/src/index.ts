/**
 * Every benchmark, one after another: `pnpm bench`, or `pnpm bench -- peers growth` for some of them. Rewrites their tables in `README.md`.
 * The ViT-B/16-sized checkpoint is made at the first run; only `peers`, `cold-start` and the ones of a page install something, what they compare with.
 * `pnpm bench -- --check` compares results on small inputs and times nothing.
 */
import { execFile, spawn } from "node:child_process";
import { once } from "node:events";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";
import { checkAgreement } from "./check.js";
import { benchColdStart } from "./cold-start.js";
import { benchCombinedOnnx } from "./combined-onnx.js";
import { benchConcurrent } from "./concurrent.js";
import { benchDecode } from "./decode.js";
import { benchEventLoop } from "./event-loop.js";
import { benchFewShot } from "./few-shot.js";
import { benchFidelity } from "./fidelity.js";
import { benchFirstText } from "./first-text.js";
import { benchGpu } from "./gpu.js";
import { benchGrowth } from "./growth.js";
import { benchIndexSearch } from "./index-search.js";
import { benchLoad } from "./load.js";
import { benchMemory } from "./memory.js";
import { benchPeers } from "./peers.js";
import { benchProfile } from "./profile.js";
import { benchQueue } from "./queue.js";
import { makeRandomCheckpoint, VIT_B_16, VIT_B_16_SHALLOW } from "./random-checkpoint.js";
import { benchPublishedModels } from "./published-models.js";
import { currentLoad, describeMachine, describeRun, recordOutput, updateReadme } from "./readme.js";
import { benchResize } from "./resize.js";
import { benchSearchPage } from "./search-page.js";
import { benchSearch } from "./search.js";
import { benchThroughput } from "./throughput.js";
import { benchTokenizer } from "./tokenizer.js";
import { benchTraining } from "./training.js";
import { benchWebMemory } from "./web-memory.js";
import { benchWeb, checkWebAgreement } from "./web.js";

const cache = (name: string): string => fileURLToPath(new URL(`../.cache/${name}`, import.meta.url));
const vitB16 = (): Promise<string> => makeRandomCheckpoint(cache("vit-b-16"), VIT_B_16);
const shallow = (): Promise<string> => makeRandomCheckpoint(cache("vit-b-16-shallow"), VIT_B_16_SHALLOW);
const readme = new URL("../README.md", import.meta.url);
const plot = new URL("../results/growth.svg", import.meta.url);

const BENCHES: Readonly<Record<string, () => Promise<void>>> = {
  tokenizer: benchTokenizer,
  resize: benchResize,
  peers: async () => benchPeers(await vitB16()),
  fidelity: async () => benchFidelity(await vitB16(), cache("demo")),
  "cold-start": async () => benchColdStart(await vitB16()),
  "first-text": async () => benchFirstText(await vitB16()),
  "combined-onnx": async () => benchCombinedOnnx(await vitB16()),
  profile: async () => benchProfile(await vitB16(), cache("profiles")),
  "few-shot": () => benchFewShot(),
  gpu: async () => benchGpu(await vitB16(), 224, 512),
  growth: async () => benchGrowth(await vitB16(), plot),
  memory: async () => benchMemory(await shallow()),
  throughput: async () => benchThroughput(await vitB16()),
  decode: async () => benchDecode(await vitB16()),
  "event-loop": async () => benchEventLoop(await vitB16()),
  concurrent: async () => benchConcurrent(await vitB16()),
  queue: async () => benchQueue(await vitB16()),
  search: () => benchSearch(cache("search-1m.npy")),
  "index-search": () => benchIndexSearch(cache("index-100k"), 100_000),
  "index-search-1m": () => benchIndexSearch(cache("index-1m"), 1_000_000),
  "search-page": () => benchSearchPage(cache("image-index-50k")),
  load: () => benchLoad(cache("load"), 100_000),
  "load-1m": () => benchLoad(cache("load-1m"), 1_000_000),
  training: async () => benchTraining(fileURLToPath(new URL("../../examples/demo-checkpoint", import.meta.url)), await vitB16()),
  web: async () => benchWeb(await vitB16()),
  "web-memory": async () => benchWebMemory(await vitB16()),
  "published-models": () => benchPublishedModels(cache("published")),
};

/** Takes minutes, or gigabytes, or says in detail what another one says: only when asked for. */
const ON_REQUEST: readonly string[] = [
  "decode",
  "few-shot",
  "first-text",
  "index-search",
  "index-search-1m",
  "load",
  "load-1m",
  "training",
  "queue",
  "web-memory",
  "published-models",
];

const wanted = process.argv.slice(2).filter((argument) => argument !== "--");
if (wanted.includes("--check")) {
  for (const line of [...(await checkAgreement()), ...(await checkWebAgreement())]) console.log(line);
} else {
  const unknown = wanted.find((name) => !(name in BENCHES));
  if (unknown !== undefined) throw new RangeError(`bench: expected --check or some of ${Object.keys(BENCHES).join(", ")}, got ${unknown}`);
  const names = Object.keys(BENCHES).filter((name) => (wanted.length === 0 ? !ON_REQUEST.includes(name) : wanted.includes(name)));
  if (names.length === 1) await runOne(names[0] ?? "");
  else await runAll(names);
}

/** Each in a process of its own: what one leaves in memory, or in ONNX Runtime's threads, is nothing to the next. */
async function runAll(names: readonly string[]): Promise<void> {
  console.log(describeMachine());
  const start = performance.now();
  for (const name of names) {
    const began = performance.now();
    const child = spawn(process.execPath, [...process.execArgv, fileURLToPath(import.meta.url), name], { stdio: "inherit" });
    const [code] = (await once(child, "exit")) as [number | null];
    if (code !== 0) {
      console.error(`bench: ${name} failed`);
      process.exitCode = 1;
    }
    console.log(`\n(${name}: ${((performance.now() - began) / 1000).toFixed(0)} s)`);
  }
  console.log(`\n${((performance.now() - start) / 60_000).toFixed(1)} minutes`);
}

async function runOne(name: string): Promise<void> {
  const load = currentLoad();
  const printed = await recordOutput(async () => BENCHES[name]?.());
  await updateReadme(readme, name, `${printed}\n\n${await describeRun(load)}`);
  // The tables are then as the formatter of the whole house wants them.
  await promisify(execFile)("npx", ["--no-install", "oxfmt", fileURLToPath(readme)], { shell: process.platform === "win32" });
}
