/** 20,000 damaged inputs over all readers; `pnpm fuzz` runs a million and prints the table. */
import { expect, it } from "vitest";
import { formatReports } from "./format-reports.js";
import { DATA_READERS } from "./data-readers.js";
import { READERS } from "./readers.js";
import { type ReaderReport, runReader } from "./run-cases.js";

const { env } = process;
const CASES = Number(env["CHINESE_CLIP_FUZZ_CASES"] ?? (env["MODE"] === "million" ? 1_000_000 : 20_000));
const SEED = Number(env["CHINESE_CLIP_FUZZ_SEED"] ?? 20_221_103);
const ONE = env["CHINESE_CLIP_FUZZ_CASE"];

const ALL = [...READERS, ...DATA_READERS];
const weights = ALL.reduce((sum, { weight }) => sum + weight, 0);
const chosen = ALL.filter(({ name }) => name === (env["CHINESE_CLIP_FUZZ_READER"] ?? name));
const reports: ReaderReport[] = [];

it.each(chosen)("$name gives a value or its own error", async (reader) => {
  const report = await (ONE === undefined
    ? runReader(reader, SEED, 0, Math.ceil((CASES * reader.weight) / weights))
    : runReader(reader, SEED, Number(ONE), 1));
  reports.push(report);
  expect(report.faults.join("\n")).toBe("");
});

it.runIf(CASES > 20_000 || ONE !== undefined)("prints the report", () => {
  console.log(formatReports(SEED, reports));
});
