/** Which class each file is of, by the folder that it lies in. */
import type { PlacedFile } from "../picked-files.js";

/** Files by class; `undefined`: in no folder of a class. */
export type FilesByClass = ReadonlyMap<string | undefined, readonly PlacedFile[]>;

/**
 * Groups files as the command `few-shot fit` does: each folder is a class, with the folders below it. A folder that has folders in it is the folder of the
 * classes; several folders beside each other are classes themselves.
 */
export function classesOfFiles(files: readonly PlacedFile[]): FilesByClass {
  const parted = files.map((file) => ({ file, parts: file.path.split("/") }));
  const tops = new Set(parted.filter(({ parts }) => parts.length > 1).map(({ parts }) => parts[0]));
  const isNested = tops.size === 1 && parted.some(({ parts }) => parts.length > 2);
  const found = new Map<string | undefined, PlacedFile[]>();
  for (const { file, parts } of parted) {
    const depth = isNested ? 1 : 0;
    const label = parts.length > depth + 1 ? parts[depth]?.normalize("NFC") : undefined;
    const same = found.get(label);
    if (same === undefined) found.set(label, [file]);
    else same.push(file);
  }
  return found;
}

/** The order of Node's command: by code points, where JavaScript's own compares UTF-16 units. */
export function byCodePoints(a: string, b: string): number {
  const [left, right] = [Array.from(a), Array.from(b)];
  for (let i = 0; i < Math.min(left.length, right.length); i++) {
    const difference = (left[i]?.codePointAt(0) ?? 0) - (right[i]?.codePointAt(0) ?? 0);
    if (difference !== 0) return difference;
  }
  return left.length - right.length;
}
