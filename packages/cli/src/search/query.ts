/**
 * The language of queries: parts joined by ` + ` and ` - ` (with spaces round them), each a text or `@file` for a picture, with its weight
 * and a colon before it if that is not 1: `2:猫 - 狗`, `@cat.jpg + 0.5:下雪`. Quotes keep what is between them as it is: `"a - b"`.
 */
import { UsageError } from "../command.js";
import { t } from "../translation/translate.js";

/** One part of a query. */
export interface QueryPart {
  readonly kind: "text" | "picture";
  /** The text, or the picture's file. */
  readonly content: string;
  /** Not 0; below 0 for what is not wanted. */
  readonly weight: number;
}

const WEIGHT = /^(\d+(?:\.\d+)?)[:：]\s*/;

/**
 * Reads a query.
 *
 * @throws UsageError - a part that is empty, a quote that does not end.
 */
export function parseQuery(text: string): QueryPart[] {
  return splitParts(text).map(({ sign, body }) => {
    const weight = WEIGHT.exec(body);
    const rest = body.slice(weight?.[0].length ?? 0);
    const picture = rest.startsWith("@");
    const content = unquote(picture ? rest.slice(1) : rest);
    const value = sign * Number(weight?.[1] ?? 1);
    if (content === "") throw new UsageError(t`query: expected a text or @file in each part, got an empty one in ${text}`);
    if (value === 0) throw new UsageError(t`query: expected weights above 0, got ${body}`);
    return { kind: picture ? "picture" : "text", content, weight: value };
  });
}

function splitParts(text: string): { readonly sign: number; readonly body: string }[] {
  const parts: { sign: number; body: string }[] = [];
  let [sign, body, quoted] = [1, "", false];
  const source = text.trim();
  const first = /^-\s+/.exec(source);
  if (first !== null) sign = -1;
  for (let at = first?.[0].length ?? 0; at < source.length; at++) {
    const character = source.charAt(at);
    if (character === '"') quoted = !quoted;
    const operator = quoted ? null : /^\s+([+-])\s+/.exec(source.slice(at, at + 8));
    if (operator === null) body += character;
    else {
      parts.push({ sign, body: body.trim() });
      [sign, body] = [operator[1] === "-" ? -1 : 1, ""];
      at += operator[0].length - 1;
    }
  }
  if (quoted) throw new UsageError(t`query: a quote that does not end in ${text}`);
  parts.push({ sign, body: body.trim() });
  return parts;
}

function unquote(text: string): string {
  return /^"[^"]*"$/.test(text) ? text.slice(1, -1) : text;
}

/**
 * The direction that is searched: the weighted sum of the parts' embeddings, at length 1.
 *
 * @throws UsageError - the parts cancel out.
 */
export function combine(parts: readonly QueryPart[], embeddings: readonly Float32Array[]): Float32Array {
  const sum = new Float64Array(embeddings[0]?.length ?? 0);
  for (const [i, embedding] of embeddings.entries()) {
    const weight = parts[i]?.weight ?? 0;
    for (const [e, value] of embedding.entries()) sum[e] = (sum[e] ?? 0) + weight * value;
  }
  const norm = Math.hypot(...sum);
  if (norm < 1e-6) throw new UsageError(t`query: its parts cancel out; change a weight`);
  return Float32Array.from(sum, (value) => value / norm);
}
