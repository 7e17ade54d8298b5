/**
 * The language of queries: parts joined by ` + ` and ` - ` (with spaces round them), each a text or `@file` for an image, with its weight
 * and a colon before it if that is not 1: `2:猫 - 狗`, `@cat.jpg + 0.5:下雪`. Quotes keep what is between them as it is: `"a - b"`.
 */
import { norm, normalize, weightedSum } from "@chinese-clip/pipeline/vectors";
import { SearchError } from "../search-error.js";
import { kindOf } from "../kind-of.js";

/** One part of a query. */
export interface QueryPart {
  /** Which tower embeds it. */
  readonly kind: "text" | "image";
  /** The text, or the image's file. */
  readonly content: string;
  /** Not 0; negative for a part after ` - `. */
  readonly weight: number;
}

/** More says nothing: the weights count against each other. */
const MAX_WEIGHT = 1e6;

const WEIGHT = /^(\d+(?:\.\d+)?)[:：]\s*/;

/**
 * Reads a query.
 *
 * @throws SearchError - `empty-part`, `zero-weight`, `unterminated-quote`; TypeError - no string.
 */
export function parseQuery(text: string): QueryPart[] {
  if (typeof text !== "string") throw new TypeError(`parseQuery: expected a string, got ${kindOf(text)}`);
  return splitParts(text).map(({ sign, body }) => {
    const weight = WEIGHT.exec(body);
    const rest = body.slice(weight?.[0].length ?? 0);
    const isImage = rest.startsWith("@");
    const content = unquote(isImage ? rest.slice(1) : rest);
    const value = sign * Number(weight?.[1] ?? 1);
    if (content === "")
      throw new SearchError("empty-part", `query: expected a text or @file in each part, got an empty one in ${excerpt(text)}`, { text });
    if (value === 0 || Math.abs(value) > MAX_WEIGHT)
      throw new SearchError("zero-weight", `query: expected weights above 0 and up to ${MAX_WEIGHT}, got ${excerpt(body)}`, { text: body });
    return { kind: isImage ? "image" : "text", content, weight: value };
  });
}

/** A query's first 80 characters, for a message on one line. */
function excerpt(text: string): string {
  const start = text.length > 80 ? `${text.slice(0, 79)}…` : text;
  return start.replace(/[\p{Cc}\p{Cf}\p{Cs}\u2028\u2029]/gu, (char) => `\\u{${char.codePointAt(0)?.toString(16)}}`);
}

function splitParts(text: string): { readonly sign: number; readonly body: string }[] {
  const parts: { sign: number; body: string }[] = [];
  let [sign, quoted] = [1, false];
  const source = text.trim();
  const first = /^-\s+/.exec(source);
  if (first !== null) sign = -1;
  let start = first?.[0].length ?? 0;
  for (let at = start; at < source.length; at++) {
    const character = source.charAt(at);
    if (character === '"') quoted = !quoted;
    const operator = quoted || character.trim() !== "" ? null : /^\s+([+-])\s+/.exec(source.slice(at, at + 8));
    if (operator === null) continue;
    parts.push({ sign, body: source.slice(start, at).trim() });
    sign = operator[1] === "-" ? -1 : 1;
    start = at + operator[0].length;
    at = start - 1;
  }
  if (quoted) throw new SearchError("unterminated-quote", `query: unterminated quote in ${excerpt(text)}`, { text });
  parts.push({ sign, body: source.slice(start).trim() });
  return parts;
}

function unquote(text: string): string {
  return /^"[^"]*"$/.test(text) ? text.slice(1, -1) : text;
}

/**
 * The direction that is searched: the weighted sum of the parts' embeddings, at length 1.
 *
 * @throws SearchError - `zero-query`: the parts cancel out.
 */
export function combine(parts: readonly QueryPart[], embeddings: readonly Float32Array[]): Float32Array {
  const largest = parts.reduce((maximum, { weight }) => Math.max(maximum, Math.abs(weight)), 0);
  const sum = weightedSum(
    embeddings,
    parts.map(({ weight }) => weight / largest),
  );
  if (norm(sum) < 1e-6) throw new SearchError("zero-query", "query: its parts cancel out; change a weight");
  return normalize(sum);
}
