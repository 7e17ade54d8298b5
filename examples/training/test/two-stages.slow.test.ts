/** What `npm run train` promises: a text tower from scratch names at least 98% of the drawings, and training both towers loses nothing. */
import { execFile } from "node:child_process";
import { readFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";
import { scratchFolder } from "@chinese-clip/scratch-folder";
import { expect, it } from "vitest";

const MAIN = fileURLToPath(new URL("../src/main.ts", import.meta.url));
const scratch = scratchFolder();

it("trains a text tower from scratch, then both towers", async () => {
  const folder = scratch.path("training");
  const { stdout } = await promisify(execFile)(process.execPath, ["--import", import.meta.resolve("tsx"), MAIN, folder], {
    maxBuffer: 1e7,
  });
  const shares = [...stdout.matchAll(/: ([\d.]+)% \(240/gu)].map(([, share]) => Number(share));
  expect(shares).toHaveLength(3);
  const [before = 100, first = 0, second = 0] = shares;
  expect(before).toBeLessThan(5);
  expect(first).toBeGreaterThanOrEqual(98);
  expect(second).toBeGreaterThanOrEqual(98);
  for (const page of ["stage-1.html", "stage-2.html"]) expect(readFileSync(`${folder}/${page}`, "utf8")).toContain("<svg");
}, 900_000);
