/**
 * What a command of the command line is made of, and how one is run: options checked, help, messages in the user's language, exit codes.
 */
import { parseArgs } from "node:util";
import { printable } from "./terminal/printable.js";
import { widest } from "./terminal/table.js";
import { type Bilingual, t } from "./translation/translate.js";
import { type CommandOptions, flag, type OptionValues, UsageError } from "./option.js";

/** Where a command writes and what it knows of its user. */
export interface CommandContext {
  readonly language: keyof Bilingual;
  /** Whether results are for a program. */
  readonly json: boolean;
  /** Results. */
  readonly print: (text: string) => void;
  /** Everything else. */
  readonly note: (text: string) => void;
  /** Aborted when the user ends the command: it then removes what is not whole and throws. */
  readonly signal: AbortSignal;
  /** Lets the command take longer to end than others, in seconds from the first signal. */
  readonly extendGrace?: (seconds: number) => void;
}

/** A command in the list of commands. */
export interface ListedCommand {
  /** As it is typed, `evaluate retrieval`. */
  readonly name: string;
  readonly summary: Bilingual;
  /** Loads the rest of it, with the packages that it works with. */
  readonly load: () => Promise<Command>;
}

/** What a command takes and does. */
export interface Command {
  readonly options: CommandOptions;
  readonly examples: readonly string[];
  /** What its arguments without an option are, as help shows them (`<model> <folder>`); absent: it takes none. */
  readonly operands?: string;
  /** @returns the exit code: 0, or 1 for a result that is a failure. */
  run(values: OptionValues, context: CommandContext, operands: readonly string[]): Promise<number>;
}

const COMMON: CommandOptions = {
  json: flag("print the result as JSON", "以 JSON 输出结果"),
  help: { type: "boolean", short: "h", help: { en: "show this help", zh: "显示本帮助" } },
};

/** The language that the environment asks for. */
export function languageOf(env: Readonly<Record<string, string | undefined>>): keyof Bilingual {
  const locale = env["LC_ALL"] || env["LC_MESSAGES"] || env["LANG"] || "";
  return locale.toLowerCase().startsWith("zh") ? "zh" : "en";
}

/**
 * Runs a command with its arguments.
 *
 * @returns the exit code.
 * @throws UsageError - unknown options, missing values; and whatever the command throws.
 */
export async function runCommand(listed: ListedCommand, args: readonly string[], context: Omit<CommandContext, "json">): Promise<number> {
  const command = await listed.load();
  const { values, positionals } = parseOptions(listed, command, args);
  if (values["help"] === true) {
    context.print(formatHelp(listed, command, context.language));
    return 0;
  }
  return command.run(values, { ...context, json: values["json"] === true }, positionals);
}

function parseOptions(
  { name: commandName }: ListedCommand,
  command: Command,
  args: readonly string[],
): { readonly values: OptionValues; readonly positionals: readonly string[] } {
  const options = Object.fromEntries(
    Object.entries({ ...command.options, ...COMMON }).map(([name, { type, multiple = false, short }]) => [
      name,
      { type, multiple, ...(short === undefined ? {} : { short }) },
    ]),
  );
  const values: Record<string, string | boolean | readonly (string | boolean)[] | undefined> = {};
  const positionals: string[] = [];
  try {
    const longest = args.slice(0, args.indexOf("--") >>> 0).find((arg) => arg.length > MAX_LETTERS && /^-[^-]/su.test(arg));
    if (longest !== undefined)
      throw new UsageError(t`expected options of a few letters, got ${longest.slice(0, 20)}… of ${longest.length}`);
    for (let at = 0, end: number; at < args.length; at = end) {
      end = chunkEnd(args, at);
      const parsed = parseArgs({ args: args.slice(at, end), options, allowPositionals: command.operands !== undefined, tokens: true });
      for (const [name, value] of Object.entries(parsed.values)) {
        const before = values[name];
        values[name] = Array.isArray(before) && Array.isArray(value) ? [...before, ...value] : value;
      }
      for (const positional of parsed.positionals) positionals.push(positional);
      if (!parsed.tokens.some(({ kind }) => kind === "option-terminator")) continue;
      for (; end < args.length; end++) positionals.push(args[end] ?? "");
    }
    for (const [name, value] of Object.entries(values)) {
      // A shell's variable that is not set: another file or index than the one that was meant.
      if (value === "" || (Array.isArray(value) && value.includes("")))
        throw new UsageError(t`--${name}: expected a value, got an empty one`);
    }
    return { values, positionals };
  } catch (error) {
    if (error instanceof UsageError) throw error;
    throw new UsageError(t`${parseProblem(error)}; see chinese-clip ${commandName} --help`);
  }
}

/** parseArgs takes time with the square of their number: 16 s for the 150,000 images that a shell makes of `*.jpg`. */
const ARGUMENTS_AT_ONCE = 1000;

/** Letters after one dash, and the longest path: parseArgs makes an option of each letter, in time with the square of their number. */
const MAX_LETTERS = 4096;

/** Where the arguments from one on can be cut: not between an option and its value. */
function chunkEnd(args: readonly string[], start: number): number {
  const isOption = (at: number): boolean => /^-./su.test(args[at] ?? "");
  const end = Math.min(args.length, start + ARGUMENTS_AT_ONCE);
  return end < args.length && isOption(end - 1) && !isOption(end) ? end + 1 : end;
}

const PARSE_PROBLEMS: Readonly<Record<string, string>> = {
  ERR_PARSE_ARGS_UNKNOWN_OPTION: "没有选项",
  ERR_PARSE_ARGS_INVALID_OPTION_VALUE: "选项缺少值，或不该有值：",
  ERR_PARSE_ARGS_UNEXPECTED_POSITIONAL: "多余的参数",
};

/** Node's message in both languages, without its advice on arguments that start with a dash. */
function parseProblem(error: unknown): Bilingual {
  const reason = error instanceof Error ? (error.message.split(". ")[0] ?? error.message) : String(error);
  const en = printable(reason.length > 200 ? `${reason.slice(0, 199)}…` : reason);
  const zh = error instanceof Error && "code" in error ? PARSE_PROBLEMS[String(error.code)] : undefined;
  const [named] = /'[^']*'/.exec(en) ?? [];
  return { en, zh: zh === undefined || named === undefined ? en : `${zh} ${named.slice(1, -1)}` };
}

/** A command's help. */
export function formatHelp({ name: commandName, summary }: ListedCommand, command: Command, language: keyof Bilingual): string {
  const rows = Object.entries({ ...command.options, ...COMMON }).map(
    ([name, { value, help }]) => [`--${name}${value === undefined ? "" : ` <${value}>`}`, help[language]] as const,
  );
  const width = widest(rows.map(([option]) => option));
  return [
    summary[language],
    "",
    ...(command.operands === undefined ? [] : [`  chinese-clip ${commandName} ${command.operands}`, ""]),
    ...command.examples.map((example) => `  chinese-clip ${commandName} ${example}`.trimEnd()),
    "",
    ...rows.map(([option, help]) => `  ${option.padEnd(width)}  ${help}`),
  ].join("\n");
}
