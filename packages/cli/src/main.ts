#!/usr/bin/env node
/**
 * The `chinese-clip` command: finds the command, runs it, and turns what goes wrong into a message and an exit code: 0 done, 1 failed, 2 a
 * command line that cannot be followed, 128 plus a signal's number for a command that it ended.
 */
import { readFile } from "node:fs/promises";
import module from "node:module";
import { languageOf, runCommand } from "./command.js";
import { COMMANDS } from "./commands.js";
import { Interruption } from "./terminal/interruption.js";
import { printable } from "./terminal/printable.js";
import { widest } from "./terminal/table.js";
import { t, untranslated } from "./translation/translate.js";
import { messageIn } from "./translation/translate-error.js";
import { UsageError } from "./option.js";

// From Node 22.1 on, what V8 compiled of a command's packages is there for the next run.
(module as { readonly enableCompileCache?: () => unknown }).enableCompileCache?.();

const given = process.argv.slice(2);
const language = languageOf(process.env);
const print = (text: string): void => void process.stdout.write(`${printable(text)}\n`);
const note = (text: string): void => void process.stderr.write(`${printable(text)}\n`);
const interruption = new Interruption(process, (signal) => {
  const { [language]: text } = t`stopping (${signal}); press Ctrl-C again to stop at once`;
  note(process.stderr.isTTY ? `\n${text}` : text); // below a progress line
});

/** @param group - first word of the commands that are shown; without it all. */
function overview(group?: string): string {
  const shown = COMMANDS.filter(({ name }) => group === undefined || name.startsWith(`${group} `));
  const width = widest(shown.map(({ name }) => name));
  const rows = shown.map(({ name, summary }) => `  chinese-clip ${name.padEnd(width)}  ${summary[language]}`);
  return [
    ...rows,
    "",
    language === "zh" ? "  每个命令后加 --help 查看选项与示例" : "  --help after a command shows its options and an example",
  ].join("\n");
}

function report(error: unknown): number {
  // What an aborted step throws is no mistake.
  if (interruption.exitCode !== undefined) return interruption.exitCode;
  note(`${language === "zh" ? "错误：" : "error: "}${messageIn(error, language)}`);
  return error instanceof UsageError ? 2 : 1;
}

const HELP: readonly string[] = ["--help", "-h", "help"];

async function readVersion(): Promise<string> {
  const manifest: unknown = JSON.parse(await readFile(new URL("../package.json", import.meta.url), "utf8"));
  return typeof manifest === "object" && manifest !== null && "version" in manifest ? String(manifest.version) : "?";
}

async function main(): Promise<number> {
  // `help classify` is `classify --help`.
  const args = given[0] === "help" && given.length > 1 ? [...given.slice(1), "--help"] : given;
  const command = COMMANDS.find(({ name }) => name.split(" ").every((word, i) => args[i] === word));
  if (command !== undefined)
    return runCommand(command, args.slice(command.name.split(" ").length), {
      language,
      print,
      note,
      signal: interruption.signal,
      extendGrace: (seconds) => interruption.extendGrace(seconds),
    });
  const [first = ""] = args;
  if (["--version", "-v", "version"].includes(first)) {
    print(await readVersion());
    return 0;
  }
  const group = COMMANDS.some(({ name }) => name.startsWith(`${first} `)) ? first : undefined;
  if (args.length === 0) {
    print(overview());
    return 2;
  }
  if (args.some((arg) => HELP.includes(arg))) {
    print(overview(group));
    return 0;
  }
  throw new UsageError(t`no such command: ${args.slice(0, 2).join(" ")}${untranslated(`\n${overview(group)}`)}`);
}

// A reader that has seen enough (`… | head`) is no mistake.
process.stdout.on("error", (error: NodeJS.ErrnoException) => {
  if (interruption.exitCode !== undefined) return; // a terminal that was closed
  if (error.code !== "EPIPE") throw error;
  process.exit();
});
process.stderr.on("error", (error) => {
  if (interruption.exitCode === undefined) throw error;
});

const exitCode = await main().catch(report);
if (interruption.exitCode === undefined) process.exitCode = exitCode;
else process.exit(exitCode); // requests that were aborted may hold the process for a while
