/**
 * Conditions on an item's metadata, as plain JSON: the same filter goes to a store in memory, a folder, a database or a server. Every condition is
 * true or false; a field that is missing equals nothing, and is not equal to everything.
 */
import { SearchError } from "../search-error.js";
import { matchesGlob } from "./glob.js";

/** A value that a field is compared with. */
export type FilterValue = string | number | boolean | null;

/** A key of the metadata, or the path to a nested one. */
export type FilterField = string | readonly string[];

/** A condition on one field. */
export type FieldCondition =
  | {
      readonly field: FilterField;
      /** Equal, of the same type; `ne` is the opposite of `eq`, so it is true for a missing field. */
      readonly op: "eq" | "ne";
      readonly value: FilterValue;
    }
  | {
      readonly field: FilterField;
      /** Less, at most, greater, at least: numbers with numbers, strings with strings by code points. Other types match never. */
      readonly op: "lt" | "lte" | "gt" | "gte";
      readonly value: string | number;
    }
  | {
      readonly field: FilterField;
      /** Equal to one of the values. */
      readonly op: "in";
      readonly value: readonly FilterValue[];
    }
  | {
      readonly field: FilterField;
      /** A string that starts with the value; one that the value is a pattern of, as in names of files: `**`, `*`, `?`. */
      readonly op: "startsWith" | "glob";
      readonly value: string;
    }
  | {
      readonly field: FilterField;
      /** A list with the value among its elements. */
      readonly op: "contains";
      readonly value: FilterValue;
    }
  | {
      readonly field: FilterField;
      /** Whether the field is there; null is. */
      readonly op: "exists";
      readonly value: boolean;
    };

/** A filter: a condition, or several joined. An empty `and` matches all, an empty `or` none. */
export type Filter = FieldCondition | { readonly and: readonly Filter[] } | { readonly or: readonly Filter[] } | { readonly not: Filter };

/** Levels of `and`, `or` and `not`: a filter that a program writes has three or four. */
const MAX_DEPTH = 32;

/** Conditions and values of a filter: a list of ids to choose from is the longest that has a use. */
const MAX_SIZE = 10_000;

/** Whether an item's metadata match a filter that {@link parseFilter} has checked. */
export function matchesFilter(filter: Filter, meta: unknown): boolean {
  if ("and" in filter) return filter.and.every((part) => matchesFilter(part, meta));
  if ("or" in filter) return filter.or.some((part) => matchesFilter(part, meta));
  if ("not" in filter) return !matchesFilter(filter.not, meta);
  const found = valueAt(meta, filter.field);
  switch (filter.op) {
    case "eq":
      return found === filter.value;
    case "ne":
      return found !== filter.value;
    case "lt":
      return compare(found, filter.value) < 0;
    case "lte":
      return compare(found, filter.value) <= 0;
    case "gt":
      return compare(found, filter.value) > 0;
    case "gte":
      return compare(found, filter.value) >= 0;
    case "in":
      return filter.value.some((value) => value === found);
    case "startsWith":
      return typeof found === "string" && found.startsWith(filter.value);
    case "glob":
      return typeof found === "string" && matchesGlob(filter.value, found);
    case "contains":
      return Array.isArray(found) && found.includes(filter.value);
    case "exists":
      return (found !== undefined) === filter.value;
  }
}

/**
 * Checks a filter, such as one from a request.
 *
 * @returns the same filter.
 * @throws SearchError - `invalid-filter`, with the place in `details.text`: `and[1].value`.
 */
export function parseFilter(value: unknown): Filter {
  check(value, "filter", { size: 0 }, 0);
  return value as Filter;
}

/** The value of a field; undefined where it is missing. Only own keys count, so that `constructor` is no field. */
function valueAt(meta: unknown, field: FilterField): unknown {
  let value = meta;
  for (const key of typeof field === "string" ? [field] : field) {
    if (typeof value !== "object" || value === null || !Object.hasOwn(value, key)) return undefined;
    value = (value as Readonly<Record<string, unknown>>)[key];
  }
  return value;
}

/** Negative, 0 or positive; NaN for values of different types. */
function compare(found: unknown, value: string | number): number {
  if (typeof found === "number" && typeof value === "number") return found - value;
  return typeof found === "string" && typeof value === "string" ? compareCodePoints(found, value) : Number.NaN;
}

/** By code points, as databases with UTF-8 sort; JavaScript's own order is by UTF-16 units. */
function compareCodePoints(a: string, b: string): number {
  const [left, right] = [a[Symbol.iterator](), b[Symbol.iterator]()];
  for (;;) {
    const [x, y] = [left.next(), right.next()];
    if (x.done === true) return y.done === true ? 0 : -1;
    if (y.done === true) return 1;
    if (x.value !== y.value) return (x.value.codePointAt(0) as number) - (y.value.codePointAt(0) as number);
  }
}

function check(filter: unknown, place: string, budget: { size: number }, depth: number): void {
  if (depth > MAX_DEPTH) throw invalid(place, `at most ${MAX_DEPTH} levels`);
  if (++budget.size > MAX_SIZE) throw invalid(place, `at most ${MAX_SIZE} conditions and values`);
  if (typeof filter !== "object" || filter === null || Array.isArray(filter)) throw invalid(place, "an object");
  const keys = Object.keys(filter);
  const { and, or, not, field, op, value } = filter as Readonly<Record<string, unknown>>;
  if (keys.length === 1 && (and !== undefined || or !== undefined)) {
    const [name, parts] = and === undefined ? ["or", or] : ["and", and];
    if (!Array.isArray(parts)) throw invalid(`${place}.${name}`, "an array of filters");
    for (const [i, part] of parts.entries()) check(part, `${place}.${name}[${i}]`, budget, depth + 1);
  } else if (keys.length === 1 && not !== undefined) check(not, `${place}.not`, budget, depth + 1);
  else {
    if (keys.length !== 3) throw invalid(place, "field, op and value, or one of and, or, not");
    const isPath = Array.isArray(field) && field.length > 0 && field.every((key) => typeof key === "string");
    if (typeof field !== "string" && !isPath) throw invalid(`${place}.field`, "a string or an array of strings");
    checkValue(op, value, place, budget);
  }
}

function checkValue(op: unknown, value: unknown, place: string, budget: { size: number }): void {
  switch (op) {
    case "eq":
    case "ne":
    case "contains":
      if (!isValue(value)) throw invalid(`${place}.value`, "a string, a finite number, a boolean or null");
      return;
    case "lt":
    case "lte":
    case "gt":
    case "gte":
      if (typeof value !== "string" && !Number.isFinite(value)) throw invalid(`${place}.value`, "a string or a finite number");
      return;
    case "in":
      if (!Array.isArray(value) || !value.every(isValue))
        throw invalid(`${place}.value`, "an array of strings, finite numbers, booleans or null");
      budget.size += value.length;
      if (budget.size > MAX_SIZE) throw invalid(`${place}.value`, `at most ${MAX_SIZE} conditions and values`);
      return;
    case "startsWith":
    case "glob":
      if (typeof value !== "string") throw invalid(`${place}.value`, "a string");
      return;
    case "exists":
      if (typeof value !== "boolean") throw invalid(`${place}.value`, "a boolean");
      return;
    default:
      throw invalid(`${place}.op`, "one of eq, ne, lt, lte, gt, gte, in, startsWith, glob, contains, exists");
  }
}

function isValue(value: unknown): value is FilterValue {
  return value === null || typeof value === "string" || typeof value === "boolean" || Number.isFinite(value);
}

function invalid(place: string, expected: string): SearchError {
  return new SearchError("invalid-filter", `${place}: expected ${expected}`, { text: place });
}
