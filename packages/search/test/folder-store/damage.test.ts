/** An index with a damaged byte, 200 times; `damage.slow.test.ts` tries 5,000 places. */
import { scratchFolder } from "@chinese-clip/scratch-folder";
import { expect, it } from "vitest";
import { damageIndex } from "./damages.js";

const { path } = scratchFolder();

it("is repaired or rejected, and never gives a vector or metadata that were not written", async () => {
  const { rejected, repaired } = await damageIndex(path, 200, 1);
  expect(rejected).toBeGreaterThan(100);
  expect(repaired).toBeGreaterThan(0);
}, 300_000);
