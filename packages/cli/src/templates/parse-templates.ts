/**
 * Lists of prompt templates in the formats that people have them in: one a line with `{}` or `{c}` for the label, Python source as cn_clip's
 * `cvinw_zeroshot_templates.py` (lists of lambdas or of strings), or a JSON array. All become sentences with `{}`.
 */

/** A list of templates; in Python source each has a name. */
export interface TemplateList {
  /** The Python variable; `""` for a file that is one list. */
  readonly name: string;
  /** Sentences with `{}` where the label goes, in the order of the file. Repeated ones count twice, as in cn_clip. */
  readonly templates: readonly string[];
}

/** A list of templates that cannot be read. */
export class TemplateError extends Error {
  /** `"TemplateError"`. */
  override readonly name: string = "TemplateError";
  /** The line that it is about, counted from 1. */
  readonly line: number | undefined;

  constructor(message: string, line?: number) {
    super(line === undefined ? message : `line ${line}: ${message}`);
    this.line = line;
  }
}

/** A template as it is written. */
interface WrittenTemplate {
  readonly text: string;
  readonly line: number;
  /** The lambda's parameter, where it is one. */
  readonly parameter: string | undefined;
}

const PYTHON_LIST = /^(\w+)\s*(?::[^=]*)?=\s*[[(]/;
const PYTHON_ITEM = /^\s*(?:lambda\s+(\w+)\s*:\s*)?[fFuUrR]{0,2}(['"])/;

/**
 * Reads templates.
 *
 * @returns at least one list, none of them empty.
 * @throws TemplateError - a template without a place for the label; nothing in it; quotes that do not close.
 */
export function parseTemplates(text: string): TemplateList[] {
  const content = text.replace(/^\uFEFF/, "");
  const json = parseJson(content);
  const lines = content.split(/\r\n|\n|\r/).map((line) => line.trim());
  const lists = json !== undefined ? [json] : lines.some((line) => PYTHON_LIST.test(line)) ? parsePython(lines) : [parsePlain(lines)];
  if (lists.length === 0) throw new TemplateError("no templates in it; write one a line, with {} where the label goes");
  return lists;
}

/** A JSON array of strings; undefined for what is no JSON. */
function parseJson(text: string): TemplateList | undefined {
  if (!text.trimStart().startsWith("[")) return undefined;
  let items: unknown;
  try {
    items = JSON.parse(text);
  } catch {
    return undefined;
  }
  const templates = (Array.isArray(items) ? items : []).map((item: unknown, index) => {
    if (typeof item === "string") return withLabel({ text: item, line: undefined, parameter: undefined });
    throw new TemplateError(`expected an array of strings, got ${String(JSON.stringify(item))} as item ${index + 1}`);
  });
  if (templates.length === 0) throw new TemplateError("no templates in it; expected an array of strings with {} where the label goes");
  return { name: "", templates };
}

/** One template a line; also one list's lines copied out of Python, with their quotes and commas. */
function parsePlain(lines: readonly string[]): TemplateList {
  const templates = lines.flatMap((text, index) => {
    const line = index + 1;
    if (text === "" || text.startsWith("#") || /^[[\](),]+$/.test(text)) return [];
    const items = (PYTHON_ITEM.test(text) ? splitItems(text, line) : undefined) ?? [{ text, line, parameter: undefined }];
    return items.map(withLabel);
  });
  if (templates.length === 0) throw new TemplateError("no templates in it; write one a line, with {} where the label goes");
  return { name: "", templates };
}

/** The lists of Python source that hold templates. What is between them, and lists of other things (class names), is passed over. */
function parsePython(lines: readonly string[]): TemplateList[] {
  const lists: { readonly name: string; readonly items: WrittenTemplate[] }[] = [];
  let items: WrittenTemplate[] | undefined;
  for (const [index, line] of lines.entries()) {
    const head = PYTHON_LIST.exec(line);
    if (head !== null) {
      items = [];
      lists.push({ name: head[1] ?? "", items });
    }
    const rest = head === null ? line : line.slice(head[0].length);
    if (items === undefined || rest === "" || rest.startsWith("#")) continue;
    if (PYTHON_ITEM.test(rest)) {
      const found = splitItems(rest, index + 1);
      if (found === undefined) throw new TemplateError(`expected strings separated by commas, got ${shorten(rest)}`, index + 1);
      items.push(...found);
    }
    if (/[\])]\s*(#.*)?$/.test(rest)) items = undefined;
  }
  return lists.flatMap((list) =>
    list.items.some((item) => markLabel(item) !== undefined) ? [{ name: list.name, templates: list.items.map(withLabel) }] : [],
  );
}

/** The strings on one line of a Python list, `lambda c: f"{c}的照片", "{}的图片",`; undefined if it is something else. */
function splitItems(line: string, number: number): WrittenTemplate[] | undefined {
  const items: WrittenTemplate[] = [];
  let rest = line;
  for (let item = PYTHON_ITEM.exec(rest); item !== null; item = PYTHON_ITEM.exec(rest)) {
    const closed = closeString(rest, item[0].length, item[2] ?? "");
    if (closed === undefined) return undefined;
    items.push({ text: closed.value, line: number, parameter: item[1] });
    rest = rest
      .slice(closed.end)
      .replace(/^\s*\.format\([^)]*\)/, "")
      .replace(/^\s*,/, "");
  }
  return /^\s*[\])]*\s*(#.*)?$/.test(rest) ? items : undefined;
}

/** The string whose opening quote is just before `start`, and where it ends. */
function closeString(line: string, start: number, quote: string): { readonly value: string; readonly end: number } | undefined {
  let value = "";
  for (let at = start; at < line.length; at++) {
    const unit = line.charAt(at);
    if (unit === quote) return { value, end: at + 1 };
    value += unit === "\\" ? line.charAt(++at) : unit;
  }
  return undefined;
}

interface Marked {
  readonly text: string;
  readonly line: number | undefined;
  readonly parameter: string | undefined;
}

/** The template with `{}` where the label goes, whatever that was called: `{}`, `{c}`, `{0}`, `{label}`, or the lambda's own parameter. */
function markLabel({ text, parameter = "c" }: Marked): string | undefined {
  const marked = text.replaceAll(new RegExp(String.raw`\{\s*(?:${parameter}|c|0|label|name|class)?\s*\}`, "g"), "{}");
  return marked.includes("{}") ? marked : undefined;
}

function withLabel(written: Marked): string {
  const marked = markLabel(written);
  if (marked !== undefined) return marked;
  throw new TemplateError(`expected {} (or {c}) where the label goes, got ${shorten(written.text)}`, written.line);
}

function shorten(text: string): string {
  return text.length > 60 ? `${text.slice(0, 60)}…` : text;
}
