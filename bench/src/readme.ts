/**
 * The tables of `README.md`: what each benchmark printed last, between a pair of comments with its name.
 */
import { execFile } from "node:child_process";
import { readFile, writeFile } from "node:fs/promises";
import { arch, cpus, loadavg, platform, totalmem } from "node:os";
import { promisify } from "node:util";

/** The machine in one line. */
export function describeMachine(): string {
  const model = cpus()[0]?.model.trim() ?? "unknown processor";
  return `Node ${process.versions.node}, ${platform()} ${arch()}, ${cpus().length} x ${model}, ${(totalmem() / 2 ** 30).toFixed(0)} GiB`;
}

/** When, of which state of the sources, where, and how busy the machine was before; for under a table. */
export async function describeRun(load: number): Promise<string> {
  const git = async (...args: string[]): Promise<string> => (await promisify(execFile)("git", args)).stdout.trim();
  let commit = "an unknown commit";
  try {
    commit = `commit ${await git("rev-parse", "--short", "HEAD")}`;
    if ((await git("status", "--porcelain", "--untracked-files=no", "../packages")) !== "") commit += " with changes";
  } catch {
    // Not a git checkout, or no git: the date has to do.
  }
  const busy = load > 0 ? `, load average ${load.toFixed(1)} before` : "";
  return `*${new Date().toISOString().slice(0, 10)}, ${commit}; ${describeMachine()}${busy}*`;
}

/** How many processes wanted a processor during the last minute; 0 where the system does not say. */
export function currentLoad(): number {
  return loadavg()[0] ?? 0;
}

/**
 * Puts a text between `<!-- bench:name -->` and `<!-- /bench:name -->`.
 *
 * @returns the document; unchanged where it has no such place.
 */
export function replaceSection(document: string, name: string, text: string): string {
  const [open, close] = [`<!-- bench:${name} -->`, `<!-- /bench:${name} -->`];
  const [start, end] = [document.indexOf(open), document.indexOf(close)];
  if (start < 0 || end < start) return document;
  return `${document.slice(0, start + open.length)}\n\n${text.trim()}\n\n${document.slice(end)}`;
}

/** Rewrites one benchmark's part of `README.md`. */
export async function updateReadme(path: URL, name: string, text: string): Promise<void> {
  await writeFile(path, replaceSection(await readFile(path, "utf8"), name, text));
}

/** Runs a benchmark and gives what it printed, which is printed all the same. */
export async function recordOutput(run: () => Promise<void>): Promise<string> {
  const printed: string[] = [];
  const { log } = console;
  console.log = (...values: unknown[]): void => {
    printed.push(values.map(String).join(" "));
    log(...values);
  };
  try {
    await run();
  } finally {
    console.log = log;
  }
  return printed.join("\n");
}
