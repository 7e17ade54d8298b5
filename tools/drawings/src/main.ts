/**
 * Writes the drawings that the demo checkpoint is evaluated on:
 *
 *     pnpm --filter @chinese-clip/drawings generate <folder> [count] [seed]
 */
import { join, resolve } from "node:path";
import { makeDrawings, writeRetrieval, writeZeroShot } from "./data-sets.js";

const [folder, count = "600", seed = "2025"] = process.argv.slice(2).filter((argument) => argument !== "--");
if (folder === undefined || !/^\d+$/.test(count) || !/^\d+$/.test(seed)) {
  process.stderr.write("usage: pnpm --filter @chinese-clip/drawings generate <folder> [count] [seed]\n");
  process.exit(2);
}

// pnpm runs a package's script in the package's folder; the user's own is in INIT_CWD.
const target = resolve(process.env["INIT_CWD"] ?? process.cwd(), folder);
const drawings = await makeDrawings(Number(count), Number(seed));
await writeRetrieval(drawings, join(target, "retrieval"));
await writeZeroShot(drawings, join(target, "zero-shot"));
process.stdout.write(`${drawings.length} drawings in ${target}: retrieval/test_imgs.tsv, retrieval/test_texts.jsonl, zero-shot/\n`);
