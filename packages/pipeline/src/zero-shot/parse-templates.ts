/**
 * Lists of prompt templates in the formats that people have them in: one a line with `{}` or `{c}` for the label, Python source as cn_clip's
 * `cvinw_zeroshot_templates.py` (lists of lambdas or of strings), or a JSON array. All become sentences with `{}`.
 */
import { showText, showValue } from "../show-value.js";
import { closesList, type PythonString, startsWithString, takeListHead, takeStrings } from "./python-strings.js";
import { TemplateError, type TemplateErrorDetails } from "./template-error.js";
import { TextScanner } from "./text-scanner.js";

/** A list of templates; in Python source each has a name. */
export interface TemplateList {
  /** The Python variable; `""` for a file that is one list. */
  readonly name: string;
  /** Sentences with `{}` where the label goes, in the order of the file. Repeated ones count twice, as in cn_clip. */
  readonly templates: readonly string[];
}

/** A template as it is written. */
interface WrittenTemplate extends PythonString {
  readonly line: number | undefined;
}

/** The file, for messages. */
type Place = Pick<TemplateErrorDetails, "file">;

/** Words that mark the label, besides a lambda's own parameter. */
const LABEL_WORDS: readonly string[] = ["", "c", "0", "label", "name", "class"];

/**
 * Reads templates, in time linear in the text.
 *
 * @param file - its name, for messages.
 * @returns at least one list, none of them empty.
 * @throws TemplateError - a template without a place for the label, no templates, or something other than strings in a list.
 */
export function parseTemplates(text: string, file?: string): TemplateList[] {
  const place = { file };
  const content = text.replace(/^\uFEFF/, "");
  const json = parseJson(content, place);
  const lines = content.split(/\r\n|\n|\r/).map((line) => line.trim());
  const isPython = json === undefined && lines.some((line) => takeListHead(line) !== undefined);
  const lists = json !== undefined ? [json] : isPython ? parsePython(lines, place) : [parsePlain(lines, place)];
  if (lists.length === 0) throw noTemplates(place);
  return lists;
}

/** A JSON array of strings; undefined for text that is no JSON. */
function parseJson(text: string, place: Place): TemplateList | undefined {
  if (!text.trimStart().startsWith("[")) return undefined;
  let items: unknown;
  try {
    items = JSON.parse(text);
  } catch {
    return undefined;
  }
  const templates = (Array.isArray(items) ? items : []).map((item: unknown, index) => {
    if (typeof item === "string") return withLabel({ text: item, line: undefined, parameter: undefined }, place);
    const got = showValue(item);
    throw new TemplateError("not-strings", `expected an array of strings, got ${got} as item ${index + 1}`, { ...place, got });
  });
  if (templates.length === 0) {
    throw new TemplateError("no-templates", "no templates in it; expected an array of strings with {} where the label goes", place);
  }
  return { name: "", templates };
}

/** One template a line; also one list's lines copied out of Python, with their quotes and commas. */
function parsePlain(lines: readonly string[], place: Place): TemplateList {
  const templates = lines.flatMap((text, index) => {
    if (text === "" || text.startsWith("#") || Array.from(text).every((character) => "[](),".includes(character))) return [];
    const found = startsWithString(text) ? takeStrings(text)?.strings : undefined;
    return (found ?? [{ text, parameter: undefined }]).map((written) => withLabel({ ...written, line: index + 1 }, place));
  });
  if (templates.length === 0) throw noTemplates(place);
  return { name: "", templates };
}

/** The lists of Python source that hold templates; other statements, and lists of other things such as class names, are skipped. */
function parsePython(lines: readonly string[], place: Place): TemplateList[] {
  const lists: { readonly name: string; readonly items: WrittenTemplate[] }[] = [];
  let items: WrittenTemplate[] | undefined;
  for (const [index, line] of lines.entries()) {
    const head = takeListHead(line);
    if (head !== undefined) {
      items = [];
      lists.push({ name: head.name, items });
    }
    const rest = head?.rest ?? line;
    if (items === undefined || rest === "" || rest.startsWith("#")) continue;
    if (!startsWithString(rest)) {
      if (closesList(rest)) items = undefined;
      continue;
    }
    const found = takeStrings(rest);
    if (found === undefined) {
      const got = shorten(rest);
      throw new TemplateError("not-strings", `expected strings separated by commas, got ${got}`, { ...place, line: index + 1, got });
    }
    for (const written of found.strings) items.push({ ...written, line: index + 1 });
    if (found.isClosed) items = undefined;
  }
  return lists.flatMap((list) =>
    list.items.some((item) => markLabel(item) !== undefined)
      ? [{ name: list.name, templates: list.items.map((item) => withLabel(item, place)) }]
      : [],
  );
}

/** The template with `{}` where the label goes, whatever its name there: `{}`, `{c}`, `{0}`, `{label}`, or the lambda's own parameter. */
function markLabel({ text, parameter }: WrittenTemplate): string | undefined {
  let [marked, isMarked] = ["", false];
  const scanner = new TextScanner(text);
  while (!scanner.isAtEnd) {
    const start = scanner.at;
    scanner.skipWhile((character) => character !== "{");
    marked += text.slice(start, scanner.at);
    const brace = scanner.at;
    if (!scanner.take("{")) break;
    scanner.skipSpaces();
    const word = scanner.takeWord();
    scanner.skipSpaces();
    if ((LABEL_WORDS.includes(word) || word === parameter) && scanner.take("}")) {
      marked += "{}";
      isMarked = true;
    } else marked += text.slice(brace, scanner.at);
  }
  return isMarked ? marked : undefined;
}

function withLabel(written: WrittenTemplate, place: Place): string {
  const marked = markLabel(written);
  if (marked !== undefined) return marked;
  const got = shorten(written.text);
  throw new TemplateError("no-placeholder", `expected {} (or {c}) where the label goes, got ${got}`, { ...place, line: written.line, got });
}

function noTemplates(place: Place): TemplateError {
  return new TemplateError("no-templates", "no templates in it; write one a line, with {} where the label goes", place);
}

function shorten(text: string): string {
  return text.length > 60 ? `${showText(text)}…` : showText(text);
}
