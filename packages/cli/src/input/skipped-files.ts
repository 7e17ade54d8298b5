/**
 * What a folder of images had besides images, said once at the end.
 */
import type { SkippedFiles } from "@chinese-clip/dataset";
import type { CommandContext } from "../command.js";
import { skippedText } from "../translation/translate-error.js";

/** Files that cannot be read and are named one by one. */
const MOST_NAMED = 20;
/** Types of files that are named. */
const MOST_TYPES = 6;

/** Names the first files that cannot be read, each with the reason. */
export function skippedNotes({ language, note }: Pick<CommandContext, "language" | "note">): (name: string, error: unknown) => void {
  let named = 0;
  return (name, error) => {
    if (++named <= MOST_NAMED) note(skippedText(name, error, language));
  };
}

/** Notes the files that are no images, by type, and the folders that cannot be read; @returns the exit code: 1 if there are such folders. */
export function noteSkipped({ byType, folders }: SkippedFiles, { language, note }: CommandContext): 0 | 1 {
  for (const { folder, error } of folders) note(skippedText(folder, error, language));
  const types = nameTypes(byType, language);
  if (types !== undefined) note(types);
  return folders.length > 0 ? 1 : 0;
}

/** A sentence about files that are no images, by extension; undefined where there are none. */
export function nameTypes(byType: ReadonlyMap<string, number>, language: CommandContext["language"]): string | undefined {
  const count = [...byType.values()].reduce((sum, files) => sum + files, 0);
  if (count === 0) return undefined;
  const types = [...byType].toSorted(([, a], [, b]) => b - a).map(([type, files]) => `${files} ${nameOf(type, language)}`);
  const named = types.slice(0, MOST_TYPES).join(", ") + (types.length > MOST_TYPES ? ", …" : "");
  return language === "zh" ? `跳过 ${count} 个其他文件：${named}` : `skipped ${count} other ${count === 1 ? "file" : "files"}: ${named}`;
}

function nameOf(type: string, language: CommandContext["language"]): string {
  return type === "other" ? (language === "zh" ? "其他" : "other") : type;
}
