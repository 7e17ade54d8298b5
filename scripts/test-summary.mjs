/**
 * Adds up what the packages' test runs left behind: vitest's JSON report in each package's `.test/`.
 */
import { existsSync, readdirSync, readFileSync, rmSync } from "node:fs";
import { basename, join, relative } from "node:path";

/** Folders whose subfolders are packages, and single packages. */
const GROUPS = ["packages", "examples", "tests", "tools"];
const SINGLES = ["examples", "bench"];

const RESULTS = join(".test", "results.json");

/** What turbo says of its runs (`--summarize`). */
const RUNS = join(".turbo", "runs");

/** Lines of a failed task's output in the summary. */
const LOG_LINES = 20;

/**
 * The folders of all packages that have tests.
 *
 * @param {string} root
 */
export function testedFolders(root) {
  const grouped = GROUPS.filter((group) => existsSync(join(root, group))).flatMap((group) =>
    readdirSync(join(root, group)).map((name) => join(root, group, name)),
  );
  return [...grouped, ...SINGLES.map((name) => join(root, name))].filter((folder) => {
    const manifest = readJson(join(folder, "package.json"));
    return manifest?.scripts?.test !== undefined;
  });
}

/** Removes earlier reports, so that a run that dies early is not mistaken for the one before; turbo restores those of cached runs. */
export function removeReports(root, folders) {
  for (const folder of folders) rmSync(join(folder, RESULTS), { force: true });
  rmSync(join(root, RUNS), { recursive: true, force: true });
}

/**
 * One package's report. A test file that could not even be loaded counts as one failed test, and so does a missing report.
 *
 * @param {string} folder
 * @returns {{ name: string, passed: number, failed: number, skipped: number, failures: string[], seconds: number | undefined }}
 */
export function readReport(folder) {
  const name = basename(folder);
  const report = readJson(join(folder, RESULTS));
  if (report === undefined)
    return { name, passed: 0, failed: 1, skipped: 0, failures: [`${name}: its tests left no report`], seconds: undefined };
  const tests = report.testResults.flatMap((file) => file.assertionResults.map((test) => ({ ...test, file: file.name })));
  const failedTests = tests.filter((test) => test.status === "failed");
  const brokenFiles = report.testResults.filter(
    (file) => file.status === "failed" && !file.assertionResults.some((test) => test.status === "failed"),
  );
  return {
    name,
    passed: tests.filter((test) => test.status === "passed").length,
    failed: failedTests.length + brokenFiles.length,
    skipped: tests.filter((test) => test.status !== "passed" && test.status !== "failed").length,
    failures: [
      ...failedTests.map((test) => `${relative(folder, test.file)}: ${test.fullName}`),
      ...brokenFiles.map((file) => `${relative(folder, file.name)}: could not be run`),
    ].map((text) => `${name}: ${text}`),
    seconds: tests.length === 0 ? undefined : (Math.max(...report.testResults.map((file) => file.endTime)) - report.startTime) / 1000,
  };
}

/**
 * What turbo's last run says of its tasks that failed, of those that no failed test explains: types, lint, format, builds, and test runs that ended
 * with an error of no test.
 *
 * @param {string} root
 * @param {ReturnType<typeof readReport>[]} reports
 * @returns {string[]} each task's name, and below it the end of what it printed.
 */
export function readFailedTasks(root, reports) {
  const folder = join(root, RUNS);
  const newest = existsSync(folder) ? readdirSync(folder).sort().at(-1) : undefined; // names are in the order of time
  const tasks = (newest === undefined ? undefined : readJson(join(folder, newest)))?.tasks ?? [];
  const explained = new Set(reports.filter(({ failed }) => failed > 0).map(({ name }) => name));
  return tasks
    .filter(({ execution }) => (execution?.exitCode ?? 0) !== 0)
    .filter(({ task, directory }) => task !== "test" || !explained.has(basename(directory)))
    .map(({ taskId, logFile }) => {
      const log = join(root, logFile ?? "");
      const lines = logFile !== undefined && existsSync(log) ? readFileSync(log, "utf8").trimEnd().split("\n") : [];
      return [taskId.replaceAll("#", " "), ...lines.slice(-LOG_LINES).map((line) => `  ${line}`)].join("\n");
    });
}

/**
 * The reports as text; the last line is the sum: `N passed, N failed, N skipped`.
 *
 * @param {ReturnType<typeof readReport>[]} reports
 * @param {readonly string[]} failedTasks - failures other than tests': each counts as one.
 */
export function formatSummary(reports, failedTasks) {
  const sum = (key) => reports.reduce((total, report) => total + report[key], 0);
  const rows = reports.map(({ name, passed, failed, skipped, seconds }) => [name, passed, failed, skipped, seconds?.toFixed(0) ?? "-"]);
  const table = [["package", "passed", "failed", "skipped", "seconds"], ...rows];
  const widths = table[0].map((_, column) => Math.max(...table.map((row) => String(row[column]).length)));
  const text = table.map((row) =>
    row.map((cell, column) => (column === 0 ? String(cell).padEnd(widths[column]) : String(cell).padStart(widths[column]))).join("  "),
  );
  const failures = reports.flatMap((report) => report.failures).map((failure) => `FAILED ${failure}`);
  const checks = failedTasks.map((task) => `FAILED ${task}`);
  return [
    ...text,
    "",
    ...failures,
    ...checks,
    `${sum("passed")} passed, ${sum("failed") + failedTasks.length} failed, ${sum("skipped")} skipped`,
  ].join("\n");
}

function readJson(file) {
  return existsSync(file) ? JSON.parse(readFileSync(file, "utf8")) : undefined;
}
