/**
 * The package's own Chinese templates, written as people write under pictures: data files in `sets/`, found by name.
 */
import { existsSync } from "node:fs";
import { readFile } from "node:fs/promises";
import { basename } from "node:path";
import { fileURLToPath } from "node:url";
import { parseTemplates, TemplateError, type TemplateList } from "./parse-templates.js";

/** Names of the sets in the package. */
export const TEMPLATE_SETS = ["general", "photo", "goods", "food", "places"] as const;

/** Name of a set in the package. */
export type TemplateSet = (typeof TEMPLATE_SETS)[number];

/** Whether a name is that of a set in the package. */
export function isTemplateSet(name: string): name is TemplateSet {
  return (TEMPLATE_SETS as readonly string[]).includes(name);
}

/** The file of a set: beside this source file, or seen from `dist`, where the build puts this code. The package has both folders. */
function fileOfSet(name: TemplateSet): string {
  const candidates = ["./sets/", "../src/templates/sets/"].map((folder) => fileURLToPath(new URL(`${folder}${name}.txt`, import.meta.url)));
  const file = candidates.find((candidate) => existsSync(candidate));
  if (file === undefined) throw new TemplateError(`the package's own file ${name}.txt is missing; install the package again`);
  return file;
}

/**
 * The templates that `--templates` names: a set of the package, a file, or one list of a Python file, `templates.py:food_templates`.
 *
 * @returns sentences with `{}` where the label goes; at least one.
 * @throws TemplateError - no such file or list, several lists and none named, or a line that is no template. The message is for the user.
 */
export async function readTemplates(name: string): Promise<readonly string[]> {
  const { file, list } = isTemplateSet(name) ? { file: fileOfSet(name), list: undefined } : splitList(name);
  const lists = parseFile(await readTemplateFile(file), file);
  if (list !== undefined) {
    const found = lists.find((candidate) => candidate.name === list);
    if (found !== undefined) return found.templates;
    throw new TemplateError(`${file}: no list ${list} in it; it has ${namesOf(lists)}`);
  }
  const [only, ...others] = lists;
  if (only !== undefined && others.length === 0) return only.templates;
  throw new TemplateError(`${file}: it has several lists; choose one, as in ${basename(file)}:${only?.name}. It has ${namesOf(lists)}`);
}

function namesOf(lists: readonly TemplateList[]): string {
  return lists.map(({ name, templates }) => `${name === "" ? "(unnamed)" : name} (${templates.length})`).join(", ");
}

/** `file.py:list`; a file whose own name has that form is itself. */
function splitList(name: string): { readonly file: string; readonly list: string | undefined } {
  const match = /^(.+):(\w+)$/.exec(name);
  if (match === null || existsSync(name)) return { file: name, list: undefined };
  return { file: match[1] ?? name, list: match[2] };
}

function parseFile(text: string, file: string): TemplateList[] {
  try {
    return parseTemplates(text);
  } catch (cause) {
    if (!(cause instanceof TemplateError)) throw cause;
    throw new TemplateError(`${file}${cause.line === undefined ? ":" : ","} ${cause.message}`);
  }
}

async function readTemplateFile(file: string): Promise<string> {
  try {
    return await readFile(file, "utf8");
  } catch (cause) {
    const code = cause instanceof Error && "code" in cause ? cause.code : undefined;
    const reason = code === "ENOENT" ? "no such file" : code === "EISDIR" ? "expected a file, got a folder" : String(cause);
    throw new TemplateError(`${file}: ${reason}; give a file, or one of the sets ${TEMPLATE_SETS.join(", ")}`);
  }
}
