/** 20,000 damaged inputs over all readers; `pnpm fuzz` runs a million and prints the table. */
import { expect, it } from "vitest";
import { formatReports } from "./format-reports.js";
import { EVERY_READER } from "./every-reader.js";
import { casesOf, type ReaderReport, runReader } from "./run-cases.js";

const { env } = process;
const CASES = Number(env["CHINESE_CLIP_FUZZ_CASES"] ?? (env["MODE"] === "million" ? 1_000_000 : 20_000));
const SEED = Number(env["CHINESE_CLIP_FUZZ_SEED"] ?? 20_221_103);
const ONE = env["CHINESE_CLIP_FUZZ_CASE"];

const chosen = EVERY_READER.filter(({ name }) => name === (env["CHINESE_CLIP_FUZZ_READER"] ?? name));
const reports: ReaderReport[] = [];

it.each(chosen)("$name gives a value or its own error", async (reader) => {
  const report = await (ONE === undefined
    ? runReader(reader, SEED, 0, casesOf(reader, EVERY_READER, CASES))
    : runReader(reader, SEED, Number(ONE), 1));
  reports.push(report);
  expect(report.faults.join("\n")).toBe("");
});

it.runIf(CASES !== 20_000 || ONE !== undefined)("prints the report", () => {
  console.log(formatReports(SEED, reports));
});
