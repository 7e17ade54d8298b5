/** The rehearsal, small. The large one is `rehearsal.slow.test.ts`. */
import { scratchFolder } from "@chinese-clip/scratch-folder";
import { afterAll, describe, expect, it } from "vitest";
import { hasRedis, NO_REDIS, RedisServer } from "../redis-server.js";
import { rehearse } from "./rehearse.js";

const scratch = scratchFolder();

describe.skipIf(!hasRedis)(`a small rehearsal (${NO_REDIS})`, () => {
  let server: RedisServer | undefined;
  afterAll(() => server?.remove());

  it("embeds every shard as a calm run does, though workers and the server die", async () => {
    server = await RedisServer.start(scratch.folder("redis"));
    const result = await rehearse({
      folder: scratch.folder("rehearsal"),
      server,
      shards: 16,
      imagesPerShard: 8,
      workers: 2,
      kills: 2,
      serverKills: 1,
      stopSeconds: 0,
      diskFullSeconds: 0,
      ...(process.env["CHINESE_CLIP_REHEARSAL_LOG"] === undefined ? {} : { log: (line: string) => void process.stderr.write(`${line}\n`) }),
    });
    expect(result.report.faults).toEqual([]);
    expect(result.report).toMatchObject({ clean: true, shards: 16, complete: 16 });
    expect(result.report.rows + result.report.failed).toBe(16 * 8);
    expect(result.report.failed).toBeGreaterThan(3);
    expect(result.differing).toEqual([]);
    expect(result.status).toMatchObject({ completed: 16, failed: 0, waiting: 0, active: 0, delayed: 0 });
  });
});
