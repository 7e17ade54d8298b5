/**
 * A whole command line: finds the command, runs it, and turns what goes wrong into a message and an exit code. `main.ts` gives it this process.
 */
import { readFile } from "node:fs/promises";
import { type CommandContext, languageOf, runCommand } from "./command.js";
import { COMMANDS } from "./commands.js";
import { UsageError } from "./option.js";
import { printable } from "./terminal/printable.js";
import { widest } from "./terminal/table.js";
import { type Bilingual, t, untranslated } from "./translation/translate.js";
import { messageIn } from "./translation/translate-error.js";

const HELP: readonly string[] = ["--help", "-h", "help"];

/** The user's language, and this process's streams. */
export function processOutput(): Pick<CommandContext, "language" | "note" | "print"> {
  return {
    language: languageOf(process.env),
    print: (text) => void process.stdout.write(`${printable(text)}\n`),
    note: (text) => void process.stderr.write(`${printable(text)}\n`),
  };
}

/**
 * Runs the command that the arguments name.
 *
 * @returns the exit code: 0 done, 1 failed, 2 where there is no argument.
 * @throws UsageError - a command line that cannot be followed; and whatever the command throws.
 */
export async function runCommandLine(given: readonly string[], context: Omit<CommandContext, "json">): Promise<number> {
  // `help classify` is `classify --help`.
  const args = given[0] === "help" && given.length > 1 ? [...given.slice(1), "--help"] : given;
  const command = COMMANDS.find(({ name }) => name.split(" ").every((word, i) => args[i] === word));
  if (command !== undefined) return runCommand(command, args.slice(command.name.split(" ").length), context);
  const [first = ""] = args;
  const { language, print } = context;
  if (["--version", "-v", "version"].includes(first)) {
    print(await readVersion());
    return 0;
  }
  const group = COMMANDS.some(({ name }) => name.startsWith(`${first} `)) ? first : undefined;
  if (args.length === 0) {
    print(overview(language));
    return 2;
  }
  if (args.some((arg) => HELP.includes(arg))) {
    print(overview(language, group));
    return 0;
  }
  throw new UsageError(t`no such command: ${args.slice(0, 2).join(" ")}${untranslated(`\n${overview(language, group)}`)}`);
}

/** Says what went wrong. @returns the exit code: 2 for a command line that cannot be followed, else 1. */
export function reportError(error: unknown, { language, note }: Pick<CommandContext, "language" | "note">): number {
  note(`${language === "zh" ? "错误：" : "error: "}${messageIn(error, language)}`);
  return error instanceof UsageError ? 2 : 1;
}

/** @param group - first word of the commands that are shown; without it all. */
function overview(language: keyof Bilingual, group?: string): string {
  const shown = COMMANDS.filter(({ name }) => group === undefined || name.startsWith(`${group} `));
  const width = widest(shown.map(({ name }) => name));
  const rows = shown.map(({ name, summary }) => `  chinese-clip ${name.padEnd(width)}  ${summary[language]}`);
  return [
    ...rows,
    "",
    language === "zh" ? "  每个命令后加 --help 查看选项与示例" : "  --help after a command shows its options and an example",
  ].join("\n");
}

async function readVersion(): Promise<string> {
  const manifest: unknown = JSON.parse(await readFile(new URL("../package.json", import.meta.url), "utf8"));
  return typeof manifest === "object" && manifest !== null && "version" in manifest ? String(manifest.version) : "?";
}
