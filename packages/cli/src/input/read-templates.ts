/**
 * The templates that `--templates` names: a set of the package, a file, or one list of a Python file.
 */
import { existsSync } from "node:fs";
import { basename } from "node:path";
import { DatasetError, readText } from "@chinese-clip/dataset";
import { CHINESE_TEMPLATES, isTemplateSet, parseTemplates, TEMPLATE_SETS, type TemplateList } from "@chinese-clip/pipeline/zero-shot";
import { CommandError, t } from "../translation/translate.js";

const MAX_TEMPLATE_BYTES = 1 << 24;

/**
 * Reads templates.
 *
 * @param name - a set, a file, or `templates.py:food_templates`.
 * @returns sentences with `{}` where the label goes; at least one.
 * @throws CommandError - no such file or list, or several lists and none named; TemplateError - a line that is no template.
 */
export async function readTemplates(name: string): Promise<readonly string[]> {
  if (isTemplateSet(name)) return CHINESE_TEMPLATES[name];
  const { file, list } = splitList(name);
  const lists = parseTemplates(await readTemplateFile(file), file);
  if (list !== undefined) {
    const found = lists.find((candidate) => candidate.name === list);
    if (found !== undefined) return found.templates;
    throw new CommandError(t`${file}: no list ${list} in it; it has ${namesOf(lists)}`);
  }
  const [only, ...others] = lists;
  if (only !== undefined && others.length === 0) return only.templates;
  const example = `${basename(file)}:${only?.name}`;
  throw new CommandError(t`${file}: it has several lists; choose one, as in ${example}. It has ${namesOf(lists)}`);
}

function namesOf(lists: readonly TemplateList[]): string {
  return lists.map(({ name, templates }) => `${name === "" ? "(unnamed)" : name} (${templates.length})`).join(", ");
}

/** `file.py:list`; a file whose own name has that form is itself. */
function splitList(name: string): { readonly file: string; readonly list: string | undefined } {
  const colon = name.lastIndexOf(":");
  const list = name.slice(colon + 1);
  if (colon < 1 || !/^\w+$/.test(list) || existsSync(name)) return { file: name, list: undefined };
  return { file: name.slice(0, colon), list };
}

async function readTemplateFile(file: string): Promise<string> {
  try {
    return await readText(file, MAX_TEMPLATE_BYTES);
  } catch (cause) {
    const sets = TEMPLATE_SETS.join(", ");
    const code = cause instanceof DatasetError ? cause.code : undefined;
    if (code === "no-such-file") throw new CommandError(t`${file}: no such file; give a file, or one of the sets ${sets}`, { cause });
    if (code === "not-a-file")
      throw new CommandError(t`${file}: expected a file, got a folder; give a file, or one of the sets ${sets}`, { cause });
    throw cause;
  }
}
