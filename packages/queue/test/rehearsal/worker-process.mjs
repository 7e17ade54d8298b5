/** A worker as a process of its own, from one argument of JSON: what a rehearsal kills. Events go to the standard output, one a line. */
import { openSource } from "@chinese-clip/dataset";
import { ChineseCLIP } from "@chinese-clip/node";
import { embedJobs, indexManifest, startWorker } from "../../dist/index.js";

const { address, queue, manifestFile, output, model, name } = JSON.parse(process.argv[2] ?? "{}");
const manifest = await indexManifest(manifestFile);
// One thread and weights packed at load: the same bits in every process.
const embedder = await ChineseCLIP.fromPretrained(model, {
  numThreads: 1,
  deterministic: true,
});
const ending = new AbortController();
process.once("SIGTERM", () => ending.abort());
const worker = await startWorker({
  ...embedJobs({ manifest, source: openSource(manifest.source), embedder, output }),
  address,
  queue,
  name,
  signal: ending.signal,
  onEvent: (event) => event.type === "progress" || process.stdout.write(`${JSON.stringify({ ...event, error: undefined })}\n`),
});
process.stdout.write(`${JSON.stringify({ type: "ready" })}\n`);
const totals = await worker.closed;
process.stdout.write(`${JSON.stringify({ type: "closed", totals })}\n`);
await embedder.dispose();
