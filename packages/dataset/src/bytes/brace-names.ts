/** Names by braces, as webdataset and Bash write them: `{00000..00099}`, `{a,b}`, several of them in one name. */
import { DatasetError, shown } from "../dataset-error.js";

/** Names that a pattern may stand for. */
const MOST_NAMES = 10_000_000;

/**
 * The names that a pattern stands for, in order; one without braces stands for itself.
 *
 * @throws DatasetError - `brace-range`: braces that are neither a range nor a list, or stand for more than ten million names.
 */
export function* braceNames(pattern: string): Generator<string, void, undefined> {
  const parts = pattern.split(/\{([^{}]*)\}/u);
  const choices: (() => Iterable<string>)[] = [];
  let count = 1;
  for (const [i, part] of parts.entries()) {
    if (i % 2 === 0) {
      if (/[{}]/u.test(part)) throw new DatasetError("brace-range", { got: shown(pattern) });
      continue;
    }
    const [, from, to] = /^(\d{1,12})\.\.(\d{1,12})$/u.exec(part) ?? [];
    if (from !== undefined && to !== undefined) {
      const [first, last] = [Number(from), Number(to)];
      if (last < first) throw new DatasetError("brace-range", { got: shown(part) });
      count *= last - first + 1;
      const width = from.startsWith("0") || to.startsWith("0") ? Math.max(from.length, to.length) : 0;
      choices.push(function* () {
        for (let value = first; value <= last; value++) yield String(value).padStart(width, "0");
      });
    } else {
      const list = part.split(",");
      if (list.length < 2) throw new DatasetError("brace-range", { got: shown(`{${part}}`) });
      count *= list.length;
      choices.push(() => list);
    }
    if (count > MOST_NAMES) throw new DatasetError("brace-range", { got: `${count} names` });
  }
  yield* product(
    parts.filter((_, i) => i % 2 === 0),
    choices,
    0,
    "",
  );
}

function* product(
  texts: readonly string[],
  choices: readonly (() => Iterable<string>)[],
  at: number,
  name: string,
): Generator<string, void, undefined> {
  const begun = name + (texts[at] ?? "");
  const choice = choices[at];
  if (choice === undefined) yield begun;
  else for (const value of choice()) yield* product(texts, choices, at + 1, begun + value);
}
