/**
 * What a folder of images had besides images, said once at the end.
 */
import type { SkippedFiles } from "@chinese-clip/dataset";
import type { CommandContext } from "../command.js";
import { skippedText } from "../translation/translate-error.js";

/** Types of files that are named. */
const MOST_TYPES = 6;

/** Notes the files that are no images, by type, and the folders that cannot be read; @returns the exit code: 1 if there are such folders. */
export function noteSkipped({ byType, count, folders }: SkippedFiles, { language, note }: CommandContext): 0 | 1 {
  for (const { folder, error } of folders) note(skippedText(folder, error, language));
  if (count > 0) {
    const types = [...byType].toSorted(([, a], [, b]) => b - a).map(([type, files]) => `${files} ${nameOf(type, language)}`);
    const named = types.slice(0, MOST_TYPES).join(", ") + (types.length > MOST_TYPES ? ", …" : "");
    note(language === "zh" ? `跳过 ${count} 个其他文件：${named}` : `skipped ${count} other ${count === 1 ? "file" : "files"}: ${named}`);
  }
  return folders.length > 0 ? 1 : 0;
}

function nameOf(type: string, language: CommandContext["language"]): string {
  return type === "other" ? (language === "zh" ? "其他" : "other") : type;
}
