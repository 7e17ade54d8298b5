/**
 * `chinese-clip search` over a million embeddings on disk, against what the machine needs for reading the same file once: the same parts read
 * in the same way (4 MiB at a time, the next one while one is looked at), and each value added up, or not looked at at all. First shows that the
 * rows found are those of a plain sort of all scores. The page cache is warm: each contestant has read the file before it is timed.
 */
import { existsSync } from "node:fs";
import { mkdir, open, rename } from "node:fs/promises";
import { dirname } from "node:path";
import { formatNpyHead } from "@chinese-clip/search";
import { readNpyParts, searchNpy } from "@chinese-clip/search/node";
import { compare, formatMs } from "./compare.js";

const ROWS = 1_000_000;
const DIM = 512;
const TOP = 10;
/** Rows that are made and written at a time. */
const STEP = 4096;

/** Vectors of length 1, the same on every run. */
async function makeVectors(file: string): Promise<void> {
  if (existsSync(file)) return;
  await mkdir(dirname(file), { recursive: true });
  const handle = await open(`${file}.part`, "w");
  try {
    await handle.write(formatNpyHead(ROWS, DIM));
    const rows = new Float32Array(STEP * DIM);
    let seed = 1;
    for (let first = 0; first < ROWS; first += STEP) {
      const count = Math.min(STEP, ROWS - first);
      for (let row = 0; row < count; row++) {
        let squares = 0;
        for (let i = row * DIM; i < (row + 1) * DIM; i++) {
          seed = (Math.imul(seed, 1664525) + 1013904223) | 0;
          const value = seed / 2 ** 31;
          rows[i] = value;
          squares += value * value;
        }
        for (let i = row * DIM; i < (row + 1) * DIM; i++) rows[i]! /= Math.sqrt(squares);
      }
      await handle.write(new Uint8Array(rows.buffer, 0, count * DIM * 4));
    }
  } finally {
    await handle.close();
  }
  await rename(`${file}.part`, file);
}

/** The sum of all values, in eight sums as the search's inner product: a row is loaded and added, nothing else. */
async function sumFile(file: string): Promise<number> {
  let total = 0;
  for await (const { values } of readNpyParts(file)) total += sumOf(values);
  return total;
}

function sumOf(values: Float32Array): number {
  let [a, b, c, d, e, f, g, h] = [0, 0, 0, 0, 0, 0, 0, 0];
  for (let i = 0; i + 7 < values.length; i += 8) {
    a += values[i]!;
    b += values[i + 1]!;
    c += values[i + 2]!;
    d += values[i + 3]!;
    e += values[i + 4]!;
    f += values[i + 5]!;
    g += values[i + 6]!;
    h += values[i + 7]!;
  }
  return a + b + (c + d) + (e + f + (g + h));
}

async function readFile(file: string): Promise<number> {
  let total = 0;
  for await (const { values } of readNpyParts(file)) total += values.length;
  return total;
}

/** Every score, sorted. */
async function bruteForce(file: string, query: Float32Array): Promise<number[]> {
  const scores = new Float64Array(ROWS);
  for await (const { first, values } of readNpyParts(file)) {
    for (let row = 0; row * DIM < values.length; row++) {
      let sum = 0;
      for (let i = 0; i < DIM; i++) sum += values[row * DIM + i]! * query[i]!;
      scores[first + row] = sum;
    }
  }
  return Array.from(scores.keys()).sort((a, b) => scores[b]! - scores[a]! || a - b);
}

/** Prints a table of the three passes. */
export async function benchSearch(file: string): Promise<void> {
  await makeVectors(file);
  const query = Float32Array.from({ length: DIM }, (_, i) => Math.sin(i + 1) / Math.sqrt(DIM / 2));
  const found = (await searchNpy(file, query, TOP)).map(({ row }) => row);
  const expected = (await bruteForce(file, query)).slice(0, TOP);
  if (found.join() !== expected.join()) throw new Error(`benchSearch: expected rows ${expected.join()}, got ${found.join()}`);

  const timings = await compare<unknown>(
    [
      { name: `search, the best ${TOP}`, run: () => searchNpy(file, query, TOP) },
      { name: "read, and add up the values", run: () => sumFile(file) },
      { name: "read only", run: () => readFile(file) },
    ],
    { rounds: 9, warmup: 1 },
  );
  const [search] = timings;
  if (search === undefined) return;
  const bytes = ROWS * DIM * 4;
  console.log(`\n### One query over ${ROWS.toLocaleString("en")} x ${DIM} float32 (${(bytes / 1e9).toFixed(2)} GB), page cache warm\n`);
  console.log("| pass | median ms | least | most | GB/s | the search takes |\n|---|---:|---:|---:|---:|---:|");
  for (const { name, medianMs, minMs, maxMs } of timings) {
    const ratio = name === search.name ? "" : `${(search.medianMs / medianMs).toFixed(2)}x`;
    console.log(
      `| ${name} | ${formatMs(medianMs)} | ${formatMs(minMs)} | ${formatMs(maxMs)} | ${(bytes / medianMs / 1e6).toFixed(2)} | ${ratio} |`,
    );
  }
}
