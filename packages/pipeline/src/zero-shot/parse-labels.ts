/**
 * Labels as people write them: a list with commas, or one a line.
 */

/** `猫,狗`, also with Chinese commas, to labels: trimmed, without empty ones, each once. */
export function parseLabelList(list: string): string[] {
  return distinct(list.split(/[,，、]/));
}

/** One label a line; empty lines and lines that start with `#` are skipped, and each label counts once. */
export function parseLabelLines(text: string): string[] {
  return distinct(
    text
      .replace(/^\uFEFF/, "")
      .split(/\r\n?|\n/)
      .filter((line) => !line.trim().startsWith("#")),
  );
}

function distinct(labels: readonly string[]): string[] {
  return [...new Set(labels.map((label) => label.trim()).filter((label) => label !== ""))];
}
