/** `embed`, killed again and again, and resumed: the output is byte for byte that of a quiet run. */
import { mkdirSync, readFileSync, statSync, truncateSync, writeFileSync } from "node:fs";
import { makeDrawings, Random } from "@chinese-clip/drawings";
import { beforeAll, expect, it } from "vitest";
import { scratchFolder } from "@chinese-clip/scratch-folder";
import { killAt } from "./kill-at.js";
import { DEMO, runCli } from "./run-cli.js";

const { path } = scratchFolder();
const IMAGES = 200;
const BROKEN = [17, 40, 41, 133];

beforeAll(async () => {
  mkdirSync(path("images"), { recursive: true });
  for (const [i, { bytes }] of (await makeDrawings(IMAGES, 7)).entries())
    writeFileSync(path(`images/${String(i).padStart(3, "0")}.png`), BROKEN.includes(i) ? "no image" : bytes);
});

it.each([["killed.jsonl"], ["killed"]])("%s is byte for byte that of a quiet run", async (name) => {
  const quiet = path(`quiet-${name}`);
  const killed = path(name);
  const args = (output: string): string[] => ["embed", "--model", DEMO, "--images", path("images"), "--output", output];
  expect((await runCli(args(quiet))).code).toBe(1);
  const parts = name.endsWith(".jsonl") ? ["", ".failed.jsonl"] : ["/img_emb/img_emb_0.npy", "/metadata/metadata_0.jsonl"];
  const size = statSync(quiet + parts[0]!).size;
  const random = new Random(11);
  let kills = 0;
  for (const share of [0.05, 0.3, 0.55, 0.8].map((least) => least + 0.08 * random.next())) {
    if (await killAt(args(killed), killed + parts[0]!, size * share)) kills++;
    // As if it had been killed within a write.
    const now = statSync(killed + parts[0]!).size;
    if (random.next() < 0.6) truncateSync(killed + parts[0]!, now - Math.floor(random.next() * 900));
    if (random.next() < 0.6 && !name.endsWith(".jsonl")) truncateSync(killed + parts[1]!, statSync(killed + parts[1]!).size - 5);
  }
  expect(kills).toBeGreaterThanOrEqual(2);
  expect((await runCli(args(killed))).code).toBe(1);
  for (const part of parts) expect(readFileSync(killed + part).equals(readFileSync(quiet + part)), part).toBe(true);
});
