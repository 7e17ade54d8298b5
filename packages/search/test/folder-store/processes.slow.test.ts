/** Processes that are killed while they write to an index, with a reader beside them. `KILLS=200` kills more of them. */
import { spawn } from "node:child_process";
import { once } from "node:events";
import { setTimeout as delay } from "node:timers/promises";
import { fileURLToPath } from "node:url";
import { expect, it } from "vitest";
import { openFolderStore } from "../../src/node/index.js";
import { scratchFolder } from "@chinese-clip/scratch-folder";

const { path } = scratchFolder();
const CHILD = fileURLToPath(new URL("writer-child.mjs", import.meta.url));
const KILLS = Number(process.env["KILLS"] ?? 20);
const INFO = { dim: 32, fingerprint: "model-a" };
const embeddingOf = (seed: number): Float32Array => Float32Array.from({ length: 32 }, (_, e) => Math.sin(seed * 7 + e));

it(
  "loses nothing that was acknowledged, tears nothing, and disturbs no reader when the writer is killed",
  async () => {
    const folder = path("index");
    await (await openFolderStore(folder, INFO)).close();
    const reader = await openFolderStore<{ readonly seed: number }>(folder, { readOnly: true });
    /** Seed of each item, by id, as acknowledged. */
    const known = new Map<string, number>();
    let compactions = 0;
    for (let run = 0; run < KILLS; run++) {
      const child = spawn(process.execPath, [CHILD, folder, String(run)], { stdio: ["ignore", "pipe", "inherit"] });
      const closed = once(child, "close") as Promise<[number | null, string | null]>;
      let output = "";
      child.stdout.on("data", (chunk: Buffer) => (output += chunk.toString()));
      await once(child.stdout, "data");
      const until = Date.now() + 60 + ((run * 37) % 200);
      while (Date.now() < until) {
        await reader.refresh();
        for await (const { embedding, meta } of reader.scan()) expect(embedding).toEqual(embeddingOf(meta.seed));
        await delay(3);
      }
      if (run === 0) await expect(openFolderStore(folder, INFO)).rejects.toMatchObject({ code: "locked", details: { owner: child.pid } });
      child.kill("SIGKILL");
      expect((await closed)[1]).toBe("SIGKILL");

      const calls = output.split("\n").filter((line) => /^(?:put|delete) /.test(line));
      const acknowledged = output.split("\n").filter((line) => line === "done").length;
      expect(acknowledged).toBeGreaterThanOrEqual(calls.length - 1);
      const store = await openFolderStore<{ readonly seed: number }>(folder, INFO);
      const found = new Map<string, number>();
      for await (const { id, embedding, meta } of store.scan()) {
        expect(embedding).toEqual(embeddingOf(meta.seed));
        found.set(id, meta.seed);
      }
      // The last call may be there or not, and is so as a whole.
      for (const call of calls.slice(0, acknowledged)) applyCall(known, call);
      const pending = calls[acknowledged];
      const after = new Map(known);
      if (pending !== undefined) applyCall(after, pending);
      expect([entriesOf(known), entriesOf(after)]).toContainEqual(entriesOf(found));
      known.clear();
      for (const [id, seed] of found) known.set(id, seed);
      if (run % 5 === 4) {
        await store.compact();
        compactions++;
      }
      await store.close();
    }
    await reader.refresh();
    expect(reader.info.count).toBe(known.size);
    expect(compactions).toBe(Math.floor(KILLS / 5));
    await reader.close();
  },
  30_000 + 5000 * KILLS,
);

function applyCall(items: Map<string, number>, call: string): void {
  if (call.startsWith("delete ")) items.delete(call.slice("delete ".length));
  else for (const seed of call.slice("put ".length).split(" ")) items.set(`item ${Number(seed) % 500}`, Number(seed));
}

function entriesOf(items: ReadonlyMap<string, number>): readonly (readonly [string, number])[] {
  return [...items].sort(([a], [b]) => (a < b ? -1 : 1));
}
