/**
 * What a visitor writes for a path as a glob of the whole path.
 */

/** `2024` is anywhere in the path, `*.jpg` the name in any folder; a pattern with a slash stays as it is. */
export function pathGlob(text: string): string {
  if (!/[*?]/u.test(text)) return `**${text}**`;
  return text.includes("/") ? text : `**/${text}`;
}
