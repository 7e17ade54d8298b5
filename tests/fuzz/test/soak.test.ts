/**
 * A server-like process: the demo model under mixed traffic and hostile inputs, 16 requests at a time. The default run takes ten seconds and
 * asserts that every request is answered; `pnpm soak` takes CHINESE_CLIP_SOAK_MINUTES (20) and reports what the memory and the event loop did.
 */
import { ChineseCLIP } from "@chinese-clip/node";
import { readFileSync, readdirSync } from "node:fs";
import { monitorEventLoopDelay } from "node:perf_hooks";
import { fileURLToPath } from "node:url";
import { expect, it } from "vitest";
import { mutateBytes, mutateText } from "./mutations.js";
import { Random } from "./random.js";

const { env } = process;
const MS = env["MODE"] === "soak" ? Number(env["CHINESE_CLIP_SOAK_MINUTES"] ?? 20) * 60_000 : 10_000;
const CONCURRENCY = 16;
const OWN = /^(?:TokenizerError|ImageError|CheckpointError|HubError|InferenceError|WorkerError|SearchError|TemplateError)$/u;

const root = new URL("../../../", import.meta.url);
const images = readdirSync(new URL("fixtures/images/", root))
  .filter((name) => /\.(?:png|jpg|webp|bmp|gif)$/u.test(name))
  .map((name) => new Uint8Array(readFileSync(new URL(`fixtures/images/${name}`, root))))
  .filter(({ length }) => length < 100_000);

it("answers every request with a result or an error of its own", async () => {
  await using clip = await ChineseCLIP.fromPretrained(fileURLToPath(new URL("examples/demo-checkpoint", root)), {
    limits: { pixels: 1_000_000, milliseconds: 5000 },
  });
  const random = new Random(20_221_103);
  const outcomes = new Map<string, number>();
  const foreign: string[] = [];
  const samples: { readonly requests: number; readonly memory: NodeJS.MemoryUsage }[] = [];
  const delay = monitorEventLoopDelay({ resolution: 1 });
  delay.enable();
  const end = performance.now() + MS;
  let [started, answered, slowest] = [0, 0, 0];

  const request = async (): Promise<string> => {
    const image = random.pick(images);
    switch (random.below(8)) {
      case 0:
      case 1:
        await clip.embedText(`一只${random.below(1000)}号猫`);
        return "text";
      case 2:
        await clip.embedImage(image);
        return "image";
      case 3:
        await clip.classify(image, ["猫", "狗", "鸟"]);
        return "labels";
      case 4:
        await clip.embedImage(mutateBytes(image, random.pick(images), random));
        return "damaged image";
      case 5:
        await clip.embedText(mutateText("一只可爱的猫 cat", "café 皮卡丘", random));
        return "hostile text";
      case 6:
        await clip.embedImage(Uint8Array.from({ length: random.below(4096) }, () => random.below(256)));
        return "noise";
      default: {
        const controller = new AbortController();
        const results = clip.embedImages([image, image, image], { signal: controller.signal });
        setTimeout(() => controller.abort(), random.below(20));
        for await (const result of results) if ("error" in result) throw result.error;
        return "embedded before its abort";
      }
    }
  };
  const client = async (): Promise<void> => {
    while (performance.now() < end) {
      started++;
      const start = performance.now();
      const outcome = await request().catch((error: unknown) => {
        if (!(error instanceof Error)) return "threw no error";
        if (error.name === "AbortError") return "aborted";
        if (!OWN.test(error.name)) foreign.push(`${error.name}: ${error.message.slice(0, 200)}`);
        return `${error.name} ${"code" in error ? String(error.code) : ""}`;
      });
      outcomes.set(outcome, (outcomes.get(outcome) ?? 0) + 1);
      slowest = Math.max(slowest, performance.now() - start);
      if (++answered % 250 === 0) samples.push({ requests: answered, memory: process.memoryUsage() });
    }
  };
  await Promise.all(Array.from({ length: CONCURRENCY }, client));
  delay.disable();

  if (env["MODE"] === "soak") {
    const settled = samples.filter(({ requests }) => requests > 10_000);
    const slopes = (["rss", "heapUsed", "external", "arrayBuffers"] as const).map(
      (kind) => `${kind} ${slope(settled.map(({ requests, memory }) => [requests / 1000, memory[kind] / 2 ** 20])).toFixed(3)}`,
    );
    console.log(
      [
        `${answered} requests; slowest ${slowest.toFixed(0)} ms; event loop p99 ${(delay.percentile(99) / 1e6).toFixed(1)} ms`,
        `MB per 1,000 requests after the first 10,000: ${slopes.join(", ")}`,
        `MB at the end: ${JSON.stringify(Object.fromEntries(Object.entries(process.memoryUsage()).map(([k, v]) => [k, Math.round(v / 2 ** 20)])))}`,
        ...[...outcomes].map(([outcome, count]) => `${outcome}: ${count}`),
      ].join("\n"),
    );
  }
  expect(foreign).toEqual([]);
  expect(answered).toBe(started);
});

/** Least squares. */
function slope(points: readonly (readonly [number, number])[]): number {
  const mean = (values: readonly number[]): number => values.reduce((sum, value) => sum + value, 0) / values.length;
  const [x, y] = [mean(points.map(([at]) => at)), mean(points.map(([, value]) => value))];
  const covariance = points.reduce((sum, [at, value]) => sum + (at - x) * (value - y), 0);
  return covariance / points.reduce((sum, [at]) => sum + (at - x) ** 2, 0);
}
