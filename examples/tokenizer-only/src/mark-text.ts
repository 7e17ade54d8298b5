/**
 * A text with its tokens marked: the offsets that the tokenizer gives are places in just this string.
 */
import type { Encoding } from "@chinese-clip/tokenizer";

/** The text as nodes: a `<mark>` for each token, what no token is of as it is, and what was cut off as `<s>`. */
export function markText(text: string, { offsets, ids, truncated }: Encoding, unknown: number): Node[] {
  const nodes: Node[] = [];
  let at = 0;
  for (const [index, [start, end]] of offsets.entries()) {
    // Special tokens have no place; a character that became several pieces is marked once.
    if (start === end || start < at) continue;
    if (start > at) nodes.push(new Text(text.slice(at, start)));
    const mark = document.createElement("mark");
    mark.textContent = text.slice(start, end);
    mark.dataset["token"] = String(index);
    mark.classList.toggle("unknown", ids[index] === unknown);
    nodes.push(mark);
    at = end;
  }
  const rest = text.slice(at);
  if (!truncated) return [...nodes, new Text(rest)];
  const cut = document.createElement("s");
  cut.textContent = rest;
  return [...nodes, cut];
}
