/**
 * A server-like process: the demo model behind a port and by itself, 16 requests at a time, half of them hostile: every reader that is fuzzed, every
 * request, connections that stop or have no end, addresses of this machine, named pipes. The default run takes six seconds and asserts that every
 * request is answered by a result or an error of its own; `pnpm soak` takes CHINESE_CLIP_SOAK_MINUTES (20), asserts what memory and event loop may
 * do, and prints a table of all kinds.
 */
import { ChineseCLIP } from "@chinese-clip/node";
import { scratchFolder } from "@chinese-clip/scratch-folder";
import { once } from "node:events";
import { readFileSync, readdirSync } from "node:fs";
import { monitorEventLoopDelay } from "node:perf_hooks";
import { setTimeout as sleep } from "node:timers/promises";
import { fileURLToPath } from "node:url";
import { setFlagsFromString } from "node:v8";
import { runInNewContext } from "node:vm";
import { Worker } from "node:worker_threads";
import { expect, it } from "vitest";
import { MemoryStore } from "../../../packages/search/src/index.js";
import { createHandler } from "../../../packages/server/src/index.js";
import { serve } from "../../../packages/server/src/node/index.js";
import { CONNECTIONS, makePipe, writePipe } from "./connections.js";
import { EVERY_READER } from "./every-reader.js";
import { mutateBytes, mutateText } from "./mutations.js";
import { Random } from "./random.js";
import { REQUESTS } from "./requests.js";
import { faultOf, prepareCase, type Reader } from "./run-cases.js";

const { env } = process;
const IS_SOAK = env["MODE"] === "soak";
const MS = IS_SOAK ? Number(env["CHINESE_CLIP_SOAK_MINUTES"] ?? 20) * 60_000 : 6000;
const SEED = Number(env["CHINESE_CLIP_SOAK_SEED"] ?? 20_221_103);
const CONCURRENCY = 16;
/** Requests in which caches fill and the heap finds its size. */
const WARM_UP = 10_000;
const MAX_SLOPE = 0.1;
const MAX_ANSWER_MS = 15_000;
const MAX_P99_MS = 30;
/** Parts of the run. After each, garbage is collected: what comes and goes is V8's to keep as long as it likes, and what leaks stays. */
const PARTS = 20;

const root = new URL("../../../", import.meta.url);
const images = readdirSync(new URL("fixtures/images/", root))
  .filter((name) => /\.(?:png|jpg|webp|bmp|gif)$/u.test(name))
  .map((name) => new Uint8Array(readFileSync(new URL(`fixtures/images/${name}`, root))))
  .filter(({ length }) => length < 100_000);
const scratch = scratchFolder();

/** What became of the requests of a kind. */
interface Row {
  requests: number;
  slowestMs: number;
  /** The longest that it kept the event loop before its first wait. */
  longestTurnMs: number;
  readonly outcomes: Map<string, number>;
}

/** A request that is ready to be made. */
interface Prepared {
  readonly kind: string;
  /** @returns what came of it, in a word. */
  readonly run: () => Promise<unknown>;
}

/** Picks readers by their parts of all cases; one that loads models or starts processes a tenth as often. */
function pickReader(readers: readonly Reader[], random: Random): Reader {
  for (;;) {
    const reader = random.pick(readers);
    if (random.below(80) < reader.weight * (reader.costly === true ? 1 : 10)) return reader;
  }
}

it("answers every request with a result or an error of its own", async () => {
  await using clip = await ChineseCLIP.fromPretrained(fileURLToPath(new URL("examples/demo-checkpoint", root)), {
    limits: { pixels: 1_000_000, milliseconds: 5000 },
  });
  const store = new MemoryStore({ fingerprint: clip.fingerprint, dim: clip.dim });
  const labels = ["猫", "狗", "鸟", "红色的圆", "蓝色的方块"];
  const { data } = await clip.embedText(labels);
  await store.upsert(labels.map((id, i) => ({ id, embedding: data.slice(i * clip.dim, (i + 1) * clip.dim), meta: { path: `${i}.jpg` } })));
  // The cache of embeddings is full before the warm-up is over.
  const limits = { bodyBytes: 1 << 20, bodyMilliseconds: 2000, cacheBytes: 1 << 18 };
  const handler = createHandler({ embedder: clip, stores: { photos: store }, limits });
  const server = await serve(handler);
  const pipes = Array.from({ length: 4 }, (_, i) => makePipe(scratch.path(`pipe-${i}`)));

  const random = new Random(SEED);
  const post = async (path: string, body: unknown): Promise<string> => {
    const response = await fetch(server.url + path, {
      method: "POST",
      headers: { "content-type": "application/json" },
      body: JSON.stringify(body),
    });
    await response.arrayBuffer();
    if (response.status >= 500 && response.status !== 503) throw new Error(`answered ${response.status}`);
    return String(response.status);
  };
  const readerCase = (readers: readonly Reader[], group: string): Prepared => {
    const reader = pickReader(readers, random);
    const run = prepareCase(reader, random);
    return { kind: `${group}: ${reader.name}`, run: async () => run() };
  };
  /** The next request: half of them are a server's daily work. */
  const next = (): Prepared => {
    const image = random.pick(images);
    switch (random.below(32)) {
      case 0:
      case 1:
      case 2:
      case 3:
      case 4:
        return { kind: "text", run: async () => clip.embedText(`一只${random.below(1000)}号猫`) };
      case 5:
      case 6:
      case 7:
        return { kind: "image", run: async () => clip.embedImage(image) };
      case 8:
      case 9:
        return { kind: "labels", run: async () => clip.classify(image, ["猫", "狗", "鸟"]) };
      case 10:
      case 11:
        return { kind: "port: texts", run: async () => post("/v1/embeddings", { input: [`${random.below(1e6)}`, "一只猫"] }) };
      case 12:
        return {
          kind: "port: image",
          run: async () => post("/v1/embeddings", { input: { image: Buffer.from(image).toString("base64") } }),
        };
      case 13:
      case 14:
        return { kind: "port: search", run: async () => post("/v1/search", { index: "photos", text: `${random.below(1000)}`, top: 3 }) };
      case 15: {
        const text = mutateText("一只可爱的猫 cat", "café 皮卡丘", random);
        return { kind: "hostile text", run: async () => clip.embedText(text) };
      }
      case 16:
      case 17: {
        const bytes = mutateBytes(image, random.pick(images), random);
        return { kind: "damaged image", run: async () => clip.embedImage(bytes) };
      }
      case 18: {
        const bytes = Uint8Array.from({ length: random.below(4096) }, () => random.below(256));
        return { kind: "noise", run: async () => clip.embedImage(bytes) };
      }
      case 19:
        return {
          kind: "aborted batch",
          run: async () => {
            const controller = new AbortController();
            const results = clip.embedImages([image, image, image], { signal: controller.signal });
            setTimeout(() => controller.abort(), random.below(20));
            for await (const result of results) if ("error" in result) throw result.error;
            return "embedded before its abort";
          },
        };
      case 20: {
        const connection = random.pick(CONNECTIONS);
        return { kind: `connection: ${connection.name}`, run: async () => connection.use(server.port, random) };
      }
      case 21: {
        const pipe = random.below(4) === 0 ? pipes.pop() : undefined;
        if (pipe === undefined) return readerCase(EVERY_READER, "reader");
        const isWritten = random.below(2) === 0;
        return {
          kind: isWritten ? "named pipe" : "named pipe without a writer",
          run: async () => {
            try {
              const read = clip.embedImage(pipe);
              if (isWritten) await Promise.allSettled([read, sleep(20).then(async () => writePipe(pipe, image))]);
              return await read;
            } finally {
              pipes.push(pipe);
            }
          },
        };
      }
      case 22:
      case 23:
      case 24:
      case 25:
        return readerCase(REQUESTS, "request");
      default:
        return readerCase(EVERY_READER, "reader");
    }
  };

  const pauses = IS_SOAK ? watchMachine() : undefined;
  const rows = new Map<string, Row>();
  const foreign: string[] = [];
  const samples: Sample[] = [];
  const delay = monitorEventLoopDelay({ resolution: 1 });
  delay.enable();
  const end = performance.now() + MS;
  let [started, answered] = [0, 0];

  const client = async (): Promise<void> => {
    while (performance.now() < end) {
      delay.disable(); // making the input is the stranger's work
      const { kind, run } = next();
      delay.enable();
      const row = rows.get(kind) ?? { requests: 0, slowestMs: 0, longestTurnMs: 0, outcomes: new Map<string, number>() };
      rows.set(kind, row);
      started++;
      const start = performance.now();
      const running = run();
      row.longestTurnMs = Math.max(row.longestTurnMs, performance.now() - start);
      const outcome = await running.then(
        (value) => (typeof value === "string" ? value : "ok"),
        (error: unknown) => {
          if (error instanceof Error && error.name === "AbortError") return "aborted";
          const fault = faultOf(error);
          if (fault !== undefined && foreign.length < 50) foreign.push(`${kind}: ${fault}`);
          const { name = "", code = "" } = error as { name?: string; code?: string };
          return `${name} ${code}`.trim();
        },
      );
      row.outcomes.set(outcome, (row.outcomes.get(outcome) ?? 0) + 1);
      row.requests++;
      row.slowestMs = Math.max(row.slowestMs, performance.now() - start);
      answered++;
    }
  };
  const sampling = IS_SOAK ? sampleMemory(samples, () => answered, end) : undefined;
  await Promise.all(Array.from({ length: CONCURRENCY }, client));
  delay.disable();
  await sampling;
  await server.close();

  const p99 = delay.percentile(99) / 1e6;
  const slowest = Math.max(...[...rows.values()].map(({ slowestMs }) => slowestMs));
  const slopes = slopesOf(samples);
  if (IS_SOAK) {
    console.log(
      [
        `seed ${SEED}: ${answered} requests; slowest ${slowest.toFixed(0)} ms; event loop p99 ${p99.toFixed(1)} ms, longest ${(delay.max / 1e6).toFixed(0)} ms, where a thread without work stood still for ${await pauses?.longestMs()} ms`,
        `MB per 1,000 requests after the first ${WARM_UP}: ${Object.entries(slopes)
          .map(([kind, mb]) => `${kind} ${mb.toFixed(3)}`)
          .join(", ")}`,
        `MB of RSS and heap: ${samples.map(({ memory: { rss, heapUsed } }) => `${(rss / 2 ** 20).toFixed(0)} ${(heapUsed / 2 ** 20).toFixed(0)}`).join(", ")}`,
        `MB at the end: ${JSON.stringify(Object.fromEntries(Object.entries(process.memoryUsage()).map(([k, v]) => [k, Math.round(v / 2 ** 20)])))}`,
        ...formatRows(rows),
      ].join("\n"),
    );
  }
  expect(foreign).toEqual([]);
  expect(answered).toBe(started);
  if (!IS_SOAK) return;
  expect(slowest).toBeLessThan(MAX_ANSWER_MS);
  expect(answered, "enough requests to tell a slope").toBeGreaterThan(1.2 * WARM_UP);
  expect(slopes["rss"]).toBeLessThan(MAX_SLOPE);
  expect(p99).toBeLessThan(MAX_P99_MS);
});

function formatRows(rows: ReadonlyMap<string, Row>): string[] {
  const lines = [...rows]
    .toSorted(([a], [b]) => (a < b ? -1 : 1))
    .map(([kind, { requests, slowestMs, longestTurnMs, outcomes }]) =>
      [
        kind.padEnd(36),
        String(requests).padStart(8),
        slowestMs.toFixed(0).padStart(10),
        longestTurnMs.toFixed(0).padStart(10),
        ` ${[...outcomes].map(([outcome, count]) => `${outcome} ${count}`).join(", ")}`,
      ].join(" "),
    );
  return ["kind, requests, slowest ms, longest turn of the event loop in ms, outcomes", ...lines];
}

/** How long a thread beside the process's own did not run: what an event loop waits for as long is the machine's. */
function watchMachine(): { readonly longestMs: () => Promise<number> } {
  const source = `
    const { parentPort } = require("node:worker_threads");
    let [last, longest] = [performance.now(), 0];
    setInterval(() => {
      const now = performance.now();
      [last, longest] = [now, Math.max(longest, now - last)];
    }, 10);
    parentPort.once("message", () => parentPort.postMessage(Math.round(longest)));`;
  const worker = new Worker(source, { eval: true });
  worker.unref();
  return {
    longestMs: async () => {
      worker.postMessage("end", []);
      const [longest] = (await once(worker, "message")) as [number];
      await worker.terminate();
      return longest;
    },
  };
}

/** Memory after so many requests. */
interface Sample {
  readonly requests: number;
  readonly memory: NodeJS.MemoryUsage;
}

/** Samples the memory after each part of the run, without the garbage. */
async function sampleMemory(samples: Sample[], answered: () => number, end: number): Promise<void> {
  setFlagsFromString("--expose-gc");
  const collect = runInNewContext("gc") as () => void;
  while (performance.now() < end) {
    await sleep(MS / PARTS);
    collect();
    await sleep(200); // V8 gives its pages back in a thread of its own
    samples.push({ requests: answered(), memory: process.memoryUsage() });
  }
}

/** Least squares over the samples after the warm-up, in MB per 1,000 requests. */
function slopesOf(samples: readonly Sample[]): Record<string, number> {
  const settled = samples.filter(({ requests }) => requests > WARM_UP);
  const kinds = ["rss", "heapUsed", "external", "arrayBuffers"] as const;
  return Object.fromEntries(
    kinds.map((kind) => [kind, slope(settled.map(({ requests, memory }) => [requests / 1000, memory[kind] / 2 ** 20] as const))]),
  );
}

/** Least squares. */
function slope(points: readonly (readonly [number, number])[]): number {
  const mean = (values: readonly number[]): number => values.reduce((sum, value) => sum + value, 0) / values.length;
  const [x, y] = [mean(points.map(([at]) => at)), mean(points.map(([, value]) => value))];
  const covariance = points.reduce((sum, [at, value]) => sum + (at - x) * (value - y), 0);
  return covariance / points.reduce((sum, [at]) => sum + (at - x) ** 2, 0);
}
