/** 5,000 requests of strangers over all routes; `pnpm fuzz` sends a million and prints the table. */
import { expect, it } from "vitest";
import { formatReports } from "./format-reports.js";
import { REQUESTS } from "./requests.js";
import { casesOf, type ReaderReport, runReader } from "./run-cases.js";

const { env } = process;
const DEFAULT = 5000;
const CASES = Number(env["CHINESE_CLIP_FUZZ_CASES"] ?? (env["MODE"] === "million" ? 1_000_000 : DEFAULT));
const SEED = Number(env["CHINESE_CLIP_FUZZ_SEED"] ?? 20_221_103);
const ONE = env["CHINESE_CLIP_FUZZ_CASE"];

const chosen = REQUESTS.filter(({ name }) => name === (env["CHINESE_CLIP_FUZZ_READER"] ?? name));
const reports: ReaderReport[] = [];

it.runIf(chosen.length > 0).each(chosen)("$name: a success, or an error in the shape of all errors", async (reader) => {
  const report = await (ONE === undefined
    ? runReader(reader, SEED, 0, casesOf(reader, REQUESTS, CASES))
    : runReader(reader, SEED, Number(ONE), 1));
  reports.push(report);
  expect(report.faults.join("\n")).toBe("");
});

it("sent requests that succeed, and requests that do not", () => {
  for (const { accepted, rejected, reader } of reports) {
    if (ONE === undefined) expect([reader, accepted > 0, rejected.size > 0]).toEqual([reader, true, true]);
  }
});

it.runIf(CASES > DEFAULT || ONE !== undefined)("prints the report", () => {
  console.log(formatReports(SEED, reports));
});
