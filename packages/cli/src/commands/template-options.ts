/**
 * The options for sentences around a label, the same in every command that has labels.
 */
import { readTemplates } from "../input/read-templates.js";
import { t } from "../translation/translate.js";
import { type CommandOptions, type OptionValues, setting, stringValue, UsageError } from "../option.js";

/** Which sentences. */
export const TEMPLATE_OPTIONS: CommandOptions<"template" | "templates"> = {
  template: setting("text", "sentence around the label, such as 一张{}的照片", "标签所在的句子，如 一张{}的照片"),
  templates: setting(
    "set",
    "several, averaged: general (default of evaluate), photo, goods, food, places, or a file",
    "多个模板取平均：general（evaluate 的默认值）、photo、goods、food、places，或文件",
  ),
};

/** What is used where neither option is given: the label alone. */
export const BARE_LABEL = { template: "{}" } as const;

/** What is used where neither option is given: the general set. */
export const GENERAL_SET = { templates: "general" } as const;

/**
 * The templates that were asked for.
 *
 * @throws UsageError - both options, or a sentence without a place; CommandError - no such file or list; TemplateError - a file of something else.
 */
export async function templatesOf(values: OptionValues, otherwise: OptionValues): Promise<readonly string[]> {
  const given = (values["template"] ?? values["templates"]) !== undefined ? values : otherwise;
  const [one, set] = [stringValue(given, "template"), stringValue(given, "templates")];
  if (set === undefined) {
    if (one?.includes("{}") === true) return [one];
    throw new UsageError(t`--template: expected {} where the label goes, got ${one}`);
  }
  if (one !== undefined) throw new UsageError(t`give --${"template"} or --${"templates"}, not both`);
  return readTemplates(set);
}
