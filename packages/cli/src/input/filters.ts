/**
 * `--filter`: conditions on what an index knows of its images, as text; several hold together.
 */
import { type FieldKind, type Filter, parseFilterText, SearchError } from "@chinese-clip/search";
import { errorText } from "../translation/translate-error.js";
import { type CommandOptions, list, listValue, type OptionValues, UsageError } from "../option.js";

/** Fields that are no plain text. */
const KINDS: Readonly<Record<string, FieldKind>> = {
  path: "text",
  camera: "text",
  lens: "text",
  size: "bytes",
  mtime: "milliseconds",
  takenAt: "date",
  width: "number",
  height: "number",
  latitude: "number",
  longitude: "number",
};

/** The option. */
export const FILTER_OPTION: CommandOptions<"filter"> = {
  filter: list(
    "condition",
    "only images such as 'path=**/*.jpg', 'takenAt>=2024-05', 'camera=Canon*', 'size>2MB'; may be given several times",
    "只要符合条件的图片，如 'path=**/*.jpg'、'takenAt>=2024-05'、'camera=Canon*'、'size>2MB'；可多次给出",
  ),
};

/** @throws UsageError - a condition that cannot be followed. */
export function filterOf(values: OptionValues): Filter | undefined {
  try {
    const filters = listValue(values, "filter").map((text) => parseFilterText(text, KINDS));
    return filters.length > 1 ? { and: filters } : filters[0];
  } catch (error) {
    if (!(error instanceof SearchError)) throw error;
    throw new UsageError(errorText(error));
  }
}
