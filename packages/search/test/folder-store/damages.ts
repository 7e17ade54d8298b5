/** An index that is damaged at random places, one after another. */
import { cpSync, mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { expect } from "vitest";
import { type FolderStore, openFolderStore } from "../../src/node/index.js";
import { SearchError } from "../../src/search-error.js";

const INFO = { fingerprint: "model-a", dim: 6 };
const embeddingOf = (seed: number): Float32Array => Float32Array.from({ length: 6 }, (_, i) => Math.sin(seed * 7 + i));

/** Numbers from 0 to 1, the same in every run. */
function random(seed: number): () => number {
  let state = seed;
  return () => {
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0;
    return state / 2 ** 32;
  };
}

function damage(bytes: Buffer, next: () => number): { readonly bytes: Buffer; readonly how: string } {
  const at = Math.floor(next() * bytes.length);
  const kind = Math.floor(next() * 5);
  if (kind === 0) return { bytes: bytes.subarray(0, at), how: `cut at ${at}` };
  if (kind === 1) return { bytes: Buffer.concat([bytes.subarray(0, at), bytes.subarray(at + 1)]), how: `without byte ${at}` };
  if (kind === 2) return { bytes: Buffer.concat([bytes.subarray(0, at), Buffer.of(0), bytes.subarray(at)]), how: `a byte more at ${at}` };
  const copy = Buffer.from(bytes);
  copy[at] =
    kind === 3 ? (bytes[at] as number) ^ (1 << Math.floor(next() * 8)) : ((bytes[at] as number) + 1 + Math.floor(next() * 255)) % 256;
  return { bytes: copy, how: `byte ${at} is ${copy[at]}` };
}

/** What became of the damaged indexes. */
export interface Outcomes {
  opened: number;
  repaired: number;
  rejected: number;
}

/**
 * Changes, removes or adds one byte, or cuts off an end, in any file of an index, so many times: each opens with items that were written, with their
 * own vectors and metadata, or is rejected with a SearchError.
 *
 * @param path - gives a place for a folder of this name.
 * @param randomSeed - another one tries other places.
 */
export async function damageIndex(path: (name: string) => string, count: number, randomSeed: number): Promise<Outcomes> {
  const source = path("whole");
  const written = new Map<string, string[]>();
  const put = async (store: FolderStore, seeds: readonly number[]): Promise<void> => {
    const items = seeds.map((seed) => ({ id: `item ${seed % 20}`, embedding: embeddingOf(seed), meta: { seed } }));
    for (const { id, embedding, meta } of items) written.set(id, [...(written.get(id) ?? []), JSON.stringify([meta, [...embedding]])]);
    await store.upsert(items);
  };
  const store = await openFolderStore(source, INFO);
  await put(store, [0, 1, 2, 3, 4, 5]);
  await store.delete(["item 3"]);
  await store.compact();
  for (let seed = 6; seed < 30; seed += 2) await put(store, [seed, seed + 1]);
  await store.delete(["item 7", "item 8"]);
  await store.close();

  const [target, next] = [path("damaged"), random(randomSeed)];
  const names = readdirSync(source);
  const outcomes: Outcomes = { opened: 0, repaired: 0, rejected: 0 };
  for (let i = 0; i < count; i++) {
    rmSync(target, { recursive: true, force: true });
    mkdirSync(target);
    for (const name of names) cpSync(join(source, name), join(target, name));
    // The vectors and the log in turn; the small file less often.
    const name = names.find((one) => one.startsWith(i % 10 === 0 ? "index" : i % 2 === 0 ? "log" : "vectors")) as string;
    const { bytes, how } = damage(readFileSync(join(source, name)), next);
    writeFileSync(join(target, name), bytes);
    for (const options of i % 3 === 0 ? [{ readOnly: true }] : [{ ...INFO, repair: i % 3 === 1 }]) {
      try {
        const opened = await openFolderStore(target, options);
        for await (const { id, meta, embedding } of opened.scan()) {
          expect(written.get(id), `${name} ${how}`).toContain(JSON.stringify([meta, [...embedding]]));
        }
        const [best] = await opened.search({ vector: embeddingOf(25), top: 1 });
        if (best !== undefined)
          expect(written.get(best.id)?.some((one) => one.startsWith(JSON.stringify([best.meta]).slice(0, -1)))).toBe(true);
        const { cutBytes, removed } = opened.repaired;
        outcomes[cutBytes + removed.length > 0 ? "repaired" : "opened"]++;
        await opened.close();
      } catch (error) {
        if (!(error instanceof SearchError)) throw error;
        expect(error.code, `${name} ${how}`).toMatch(/^(?:damaged-index|foreign-index)$/);
        outcomes.rejected++;
      }
    }
  }
  return outcomes;
}
