/** The short run of the fidelity table: the demo checkpoint, as it is and with planted outliers. */
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { afterAll, beforeAll, expect, test } from "vitest";
import { measureFidelity } from "../src/fidelity.js";
import { plantOutliers } from "../src/planted-outliers.js";

const DEMO = fileURLToPath(new URL("../../examples/demo-checkpoint", import.meta.url));
let scratch = "";
beforeAll(async () => {
  scratch = await mkdtemp(join(tmpdir(), "chinese-clip-outliers-"));
});
afterAll(() => rm(scratch, { recursive: true, force: true }));

test("q8 keeps its bounds on the demo checkpoint, and changes hardly a neighbour", async () => {
  const rows = await measureFidelity("demo", DEMO, ["q8"]);
  expect(rows.map(({ tower }) => tower)).toEqual(["text", "vision"]);
  for (const { cosine, sameNearest } of rows) {
    expect(cosine).toBeGreaterThan(0.999);
    expect(sameNearest).toBeGreaterThan(0.8);
  }
});

test("q8 stays within 0.99 where a handful of channels are 30 to 60 times the rest", async () => {
  const rows = await measureFidelity("outliers", await plantOutliers(DEMO, join(scratch, "demo")), ["q8"]);
  for (const { cosine } of rows) expect(cosine).toBeGreaterThan(0.99);
});
