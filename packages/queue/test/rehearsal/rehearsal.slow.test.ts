/** The rehearsal of issue size, on Redis and on PostgreSQL: `pnpm rehearse` runs it and says what happens. */
import { shardFiles } from "@chinese-clip/dataset";
import { scratchFolder } from "@chinese-clip/scratch-folder";
import { cpSync, readFileSync, rmSync, truncateSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { afterAll, describe, expect, it } from "vitest";
import { audit } from "../../src/index.js";
import { hasPostgres, NO_POSTGRES, PostgresServer } from "../postgres-server.js";
import { hasRedis, NO_REDIS, RedisServer } from "../redis-server.js";
import { rehearse, type RehearsalResult, type RehearsalServer } from "./rehearse.js";

const scratch = scratchFolder();
const SERVERS: readonly [string, boolean, string, () => Promise<RehearsalServer>][] = [
  ["Redis", hasRedis, NO_REDIS, () => RedisServer.start(scratch.folder("redis"))],
  ["PostgreSQL", hasPostgres, NO_POSTGRES, () => PostgresServer.start()],
];

describe.each(SERVERS)("the rehearsal on %s", (name, isThere, why, startServer) => {
  let server: RehearsalServer | undefined;
  afterAll(() => server?.remove());

  it.skipIf(!isThere)(`100 shards, 3 workers, 25 kills (${why})`, { timeout: 900_000 }, async () => {
    server = await startServer();
    const result = await rehearse({
      folder: scratch.folder(name),
      server,
      shards: 100,
      imagesPerShard: 100,
      workers: 3,
      kills: 25,
      serverKills: 2,
      stopSeconds: 25,
      diskFullSeconds: 10,
      log: (line) => void process.stderr.write(`${name}: ${line}\n`),
      check: expectTenFaults,
    });
    expect(result.report.faults).toEqual([]);
    expect(result.report).toMatchObject({ clean: true, shards: 100, complete: 100 });
    expect(result.report.rows + result.report.failed).toBe(10_000);
    expect(result.differing).toEqual([]);
    expect(result.status).toMatchObject({ completed: 100, failed: 0, waiting: 0, active: 0, delayed: 0 });
    process.stderr.write(`${name}: ${JSON.stringify({ seconds: result.seconds, calm: result.calmSeconds, events: result.events })}\n`);
    for (const what of result.left) process.stderr.write(`${name}: not rehearsed: ${what}\n`);
  });
});

/** Ten faults in ten shards of the output; the audit names each shard. */
async function expectTenFaults({
  manifest,
  output,
  report: clean,
}: Pick<RehearsalResult, "manifest" | "output" | "report">): Promise<void> {
  const file = (index: number, part: "image" | "metadata" | "record"): string => join(output, shardFiles(index)[part]);
  const edit = (name: string, change: (bytes: Buffer) => unknown): void => {
    const bytes = readFileSync(name);
    change(bytes);
    writeFileSync(name, bytes);
  };
  rmSync(file(3, "image"));
  truncateSync(file(14, "image"), 5000);
  edit(file(15, "image"), (bytes) => bytes.writeFloatLE(Number.NaN, 128 + 400));
  edit(file(26, "image"), (bytes) => bytes.write("(1", bytes.indexOf("(")));
  edit(file(37, "image"), (bytes) => bytes.writeUInt8(bytes.readUInt8(1000) ^ 1, 1000));
  rmSync(file(48, "metadata"));
  writeFileSync(file(59, "record"), readFileSync(file(59, "record"), "utf8").replace(clean.fingerprint ?? "", "another"));
  for (const part of ["image", "metadata", "record"] as const) cpSync(file(61, part), file(60, part));
  writeFileSync(join(output, "img_emb", "img_emb_0100.npy"), "x");
  cpSync(join(output, "shards"), join(output, ".staging", "host.1.x.y"), { recursive: true });
  const report = await audit({ manifest, output });
  expect(report.again).toEqual([3, 14, 15, 26, 37, 48, 59, 60].map((index) => manifest.ids[index]));
  expect(report.remove).toEqual(["img_emb/img_emb_0100.npy", ".staging/host.1.x.y"]);
  expect(report.faultCount).toBe(10);
}
