/**
 * A process of its own that writes to an index until it is killed, and says on its standard output what is acknowledged. Arguments: folder, number of
 * the run. Item `i` of run `r` has the embedding of `r * 1000003 + i`, which the test computes too. Plain JavaScript, since Node runs it as it is.
 */
import { writeSync } from "node:fs";
import { openFolderStore } from "../../dist/node.js";

/** Waits where the reader is behind: the pipe is one that does not block. */
function say(line) {
  for (;;) {
    try {
      return writeSync(1, line);
    } catch (error) {
      if (error.code !== "EAGAIN") throw error;
    }
  }
}

const [folder = "", run = "0"] = process.argv.slice(2);
const DIM = 32;
const store = await openFolderStore(folder, { dim: DIM, fingerprint: "model-a" });
say("open\n");
for (let i = 0; ; i += 3) {
  const seeds = [i, i + 1, i + 2].map((one) => Number(run) * 1_000_003 + one);
  const items = seeds.map((seed) => ({
    id: `item ${seed % 500}`,
    embedding: Float32Array.from({ length: DIM }, (_, e) => Math.sin(seed * 7 + e)),
    meta: { seed },
  }));
  say(`put ${seeds.join(" ")}\n`);
  await store.upsert(items);
  say("done\n");
  if (i % 60 === 0) {
    const id = `item ${i % 500}`;
    say(`delete ${id}\n`);
    await store.delete([id]);
    say("done\n");
  }
  if (i % 150 === 0) await store.compact();
}
