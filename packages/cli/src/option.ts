/**
 * What a command line may say: the options of a command, and the values that were given for them.
 */
import { type Bilingual, CommandError, t } from "./translation/translate.js";

/** One option of a command. */
export interface CommandOption {
  readonly type: "string" | "boolean";
  /** Whether it may be given several times. */
  readonly multiple?: boolean;
  /** Its one-letter name. */
  readonly short?: string;
  /** What its value is called in the help. */
  readonly value?: string;
  readonly help: Bilingual;
}

/** Options by name. */
export type CommandOptions<Name extends string = string> = Readonly<Record<Name, CommandOption>>;

/** Values of the options that were given. */
export type OptionValues = Readonly<Record<string, string | boolean | readonly (string | boolean)[] | undefined>>;

/** A command line that cannot be followed: exit code 2. */
export class UsageError extends CommandError {
  override readonly name: string = "UsageError";
}

/** An option with a value, which help calls `value`. */
export function setting(value: string, en: string, zh: string): CommandOption {
  return { type: "string", value, help: { en, zh } };
}

/** An option with a value, which may be given several times. */
export function list(value: string, en: string, zh: string): CommandOption {
  return { ...setting(value, en, zh), multiple: true };
}

/** An option that is given or not. */
export function flag(en: string, zh: string): CommandOption {
  return { type: "boolean", help: { en, zh } };
}

/** The environment's value for an option that was not given. */
const DEFAULTS: Readonly<Record<string, string>> = { model: "CHINESE_CLIP_MODEL" };

/** A string option's value. */
export function stringValue(values: OptionValues, name: string): string | undefined {
  const value = values[name];
  return typeof value === "string" ? value : undefined;
}

/** @throws UsageError - the option was not given, nor a default in the environment. */
export function requiredValue(values: OptionValues, name: string): string {
  const value = stringValue(values, name) ?? process.env[DEFAULTS[name] ?? ""];
  if (value === undefined || value === "") throw new UsageError(t`--${name} is needed; see --help`);
  return value;
}

/** The values of an option that may be given several times; none where it was not given. */
export function listValue(values: OptionValues, name: string): readonly string[] {
  const value = values[name];
  return Array.isArray(value) ? value.filter((one) => typeof one === "string") : [];
}

/** An option's value among choices. @throws UsageError - another value. */
export function choiceValue<const Choice extends string>(
  values: OptionValues,
  name: string,
  choices: readonly Choice[],
): Choice | undefined {
  const value = stringValue(values, name);
  return value === undefined ? undefined : parseChoice(`--${name}`, value, choices);
}

/** @throws UsageError - none of the choices. */
export function parseChoice<const Choice extends string>(option: string, value: string, choices: readonly Choice[]): Choice {
  const found = choices.find((name) => name === value);
  if (found === undefined) throw new UsageError(t`${option}: expected one of ${choices.join(", ")}, got ${value}`);
  return found;
}

/** An option's integer of at least 1. @throws UsageError - another value. */
export function countValue(values: OptionValues, name: string): number | undefined {
  const value = stringValue(values, name);
  return value === undefined ? undefined : parseCount(`--${name}`, value);
}

/** @throws UsageError - no integer of at least 1. */
export function parseCount(option: string, value: string): number {
  if (!/^[1-9]\d{0,8}$/.test(value)) throw new UsageError(t`${option}: expected an integer of at least 1, got ${value}`);
  return Number(value);
}

/** An option's number. @throws UsageError - no number from `least` to `most`. */
export function numberValue(values: OptionValues, name: string, least: number, most: number): number | undefined {
  const text = stringValue(values, name);
  if (text === undefined) return undefined;
  const value = Number(text);
  if (text.trim() !== "" && value >= least && value <= most) return value;
  throw new UsageError(t`--${name}: expected a number from ${least} to ${most}, got ${text}`);
}

/** @throws UsageError - not one thing, `what` it should be. */
export function oneOperand(operands: readonly string[], what: Bilingual): string {
  const [only, ...others] = operands;
  if (only === undefined || only === "") throw new UsageError(t`expected ${what}, got nothing; see --help`);
  if (others.length > 0) throw new UsageError(t`expected ${what}, got also ${others.join(" ")}; see --help`);
  return only;
}
