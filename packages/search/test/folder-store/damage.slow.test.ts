/** An index with a damaged byte, 5,000 times. */
import { scratchFolder } from "@chinese-clip/scratch-folder";
import { describe, expect, it } from "vitest";
import { damageIndex } from "./damages.js";

const { path } = scratchFolder();

describe("a damaged index, at 500 places each", () => {
  it.each(Array.from({ length: 10 }, (_, i) => 1 + i))(
    "seed %i",
    async (seed) => {
      const { rejected, repaired } = await damageIndex((name) => path(`${seed}/${name}`), 500, seed);
      expect(rejected).toBeGreaterThan(250);
      expect(repaired).toBeGreaterThan(0);
    },
    300_000,
  );
});
