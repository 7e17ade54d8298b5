/**
 * Ten times as many requests at a time as the server takes, by autocannon: what it takes is answered within the time of its queue, what it does not
 * take gets 429 at once, and memory stays flat. `CHINESE_CLIP_LOAD_SECONDS=60` takes longer and prints its figures.
 */
import autocannon from "autocannon";
import { expect, it } from "vitest";
import { createHandler } from "../../src/index.js";
import { serve } from "../../src/node/index.js";
import { FakeEmbedder } from "../fake-embedder.js";

const SECONDS = Number(process.env["CHINESE_CLIP_LOAD_SECONDS"] ?? 2);
// The work takes long enough for the queue to be full also where the clients, which share the processor, are slow.
const [CONCURRENCY, QUEUE, WORK_MILLISECONDS] = [4, 12, 100] as const;
const CONNECTIONS = 10 * (CONCURRENCY + QUEUE);

/** A load's answers by status. */
async function load(url: string, seconds: number): Promise<ReadonlyMap<number, number>> {
  const statuses = new Map<number, number>();
  let count = 0;
  const run = autocannon({
    url: `${url}/v1/embeddings`,
    method: "POST",
    headers: { "content-type": "application/json" },
    connections: CONNECTIONS,
    duration: seconds,
    requests: [{ setupRequest: (request) => ({ ...request, body: JSON.stringify({ input: `text ${count++}` }) }) }],
  });
  void run.on("response", (_client, status) => void statuses.set(status, (statuses.get(status) ?? 0) + 1));
  const { errors, timeouts } = await run;
  expect([errors, timeouts]).toEqual([0, 0]);
  return statuses;
}

it("at ten times the load", async () => {
  const embedder = new FakeEmbedder();
  let [working, most] = [0, 0];
  embedder.wait = async () => {
    most = Math.max(most, ++working);
    await new Promise((resolve) => setTimeout(resolve, WORK_MILLISECONDS));
    working--;
  };
  const accepted: number[] = [];
  const handler = createHandler({ embedder, limits: { concurrency: CONCURRENCY, queue: QUEUE, cacheBytes: 100_000 } });
  const server = await serve({
    ...handler,
    async fetch(request) {
      const start = performance.now();
      const response = await handler.fetch(request);
      if (response.status === 200) accepted.push(performance.now() - start);
      else expect(Number(response.headers.get("retry-after"))).toBeGreaterThanOrEqual(1);
      embedder.texts.length = 0;
      embedder.signals.length = 0;
      return response;
    },
  });
  try {
    await load(server.url, Math.max(1, SECONDS / 4));
    accepted.length = 0;
    const before = process.memoryUsage.rss();
    const statuses = await load(server.url, SECONDS);
    const growth = process.memoryUsage.rss() - before;
    expect([...statuses.keys()].toSorted((a, b) => a - b)).toEqual([200, 429]);
    expect(statuses.get(200)).toBeGreaterThan(CONCURRENCY);
    expect(statuses.get(429)).toBeGreaterThan(0); // how many depends on what else the machine does
    expect(most).toBe(CONCURRENCY);
    expect(growth).toBeLessThan(128 * 2 ** 20);
    const p99 = accepted.toSorted((a, b) => a - b)[Math.floor(0.99 * (accepted.length - 1))] ?? Infinity;
    // Nobody waits for more than the queue before them; a busy machine takes its time in addition.
    if (SECONDS > 2) {
      console.log({ statuses, p99, growth });
      expect(p99).toBeLessThan(10 * (1 + QUEUE / CONCURRENCY) * WORK_MILLISECONDS);
    }
  } finally {
    await server.close();
  }
});
