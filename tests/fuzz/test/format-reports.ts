/** What a run of readers found, as a table. */
import type { ReaderReport } from "./run-cases.js";

/** One line for each reader. */
export function formatReports(seed: number, reports: readonly ReaderReport[]): string {
  const rows = reports.map(({ reader, cases, accepted, rejected, slowestMs, slowestCase, faults }) =>
    [
      reader.padEnd(26),
      String(cases).padStart(8),
      String(accepted).padStart(8),
      `${slowestMs.toFixed(1)} (case ${slowestCase})`.padStart(24),
      String(faults.length).padStart(6),
      ` ${[...rejected].map(([code, count]) => `${code} ${count}`).join(", ")}`,
    ].join(" "),
  );
  return [`seed ${seed}: reader, cases, accepted, slowest ms, faults, rejected by code`, ...rows].join("\n");
}
