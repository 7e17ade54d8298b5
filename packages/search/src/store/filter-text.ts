/**
 * Filters as people write them: a field, an operator and a value, such as `path=*.jpg`, `takenAt>=2024-05`, `size>2MB`, `camera!=*`.
 */
import { SearchError } from "../search-error.js";
import { type FieldCondition, type Filter, parseFilter } from "./filter.js";

/** How a field's values are written. */
export type FieldKind = "number" | "bytes" | "text" | "date" | "milliseconds";

/** Ends of the day, month or year that a value names, as the field has them. */
interface Period {
  readonly from: string | number;
  /** Not in it. */
  readonly to: string | number;
}

const CONDITION = /^([\p{L}\p{N}_.-]+)\s*(!=|<=|>=|=|<|>)/u;
const DATE = /^(\d{4})(?:-(\d\d)(?:-(\d\d))?)?$/;
const BYTES = /^(\d+(?:\.\d+)?)\s*([kMGT]?)B?$/i;
const NUMBER = /^-?\d+(?:\.\d+)?$/;
const UNITS: Readonly<Record<string, number>> = { "": 1, k: 1e3, m: 1e6, g: 1e9, t: 1e12 };
const OPS = { "<": "lt", "<=": "lte", ">": "gt", ">=": "gte" } as const;

/**
 * Reads a filter: `field=value`, `!=`, `<`, `<=`, `>`, `>=`, or a filter as JSON, `{…}`. The value `*` stands for any; one with `*` or `?` is a pattern,
 * as in names of files. A date is a year, a month or a day: `takenAt<=2024` takes the whole year.
 *
 * @param kinds - fields of other values than numbers and text: `bytes` (`2MB`), `date` (ISO 8601 text), `milliseconds` (since 1970, in UTC).
 * @throws SearchError - `invalid-filter`.
 */
export function parseFilterText(text: string, kinds: Readonly<Record<string, FieldKind>> = {}): Filter {
  const source = text.trim();
  if (source.startsWith("{")) return parseFilter(parseJson(source));
  const [head = "", field = "", sign = ""] = CONDITION.exec(source) ?? [];
  if (field === "") throw invalid(text, "field=value, or one of != < <= > >= between them");
  const value = source.slice(head.length).trim();
  const name = field.includes(".") ? field.split(".") : field;
  const isNegated = sign === "!=";
  const positive = sign === "=" || isNegated;
  if (positive && value === "*") return { field: name, op: "exists", value: !isNegated };
  const kind = kinds[field];
  if (kind === "date" || kind === "milliseconds") {
    const period = periodOf(value, kind);
    if (period === undefined) throw invalid(text, "a date such as 2024, 2024-05 or 2024-05-31");
    return inPeriod(name, sign, period);
  }
  if (positive && /[*?]/.test(value)) return negatedIf(isNegated, { field: name, op: "glob", value });
  const bytes = kind === "bytes" ? BYTES.exec(value) : null;
  if (kind === "bytes" && bytes === null) throw invalid(text, "a number of bytes such as 500kB or 2MB");
  const number = bytes === null ? Number(value) : Number(bytes[1]) * (UNITS[(bytes[2] ?? "").toLowerCase()] ?? 1);
  const isNumber = bytes !== null || (kind !== "text" && NUMBER.test(value));
  if (kind === "number" && !isNumber) throw invalid(text, "a number");
  if (!positive) return { field: name, op: OPS[sign as keyof typeof OPS], value: isNumber ? number : value };
  // A field may hold the text of a number.
  const equal: Filter =
    isNumber && kind === undefined
      ? { field: name, op: "in", value: [number, value] }
      : { field: name, op: "eq", value: isNumber ? number : value };
  return negatedIf(isNegated, equal);
}

function inPeriod(field: FieldCondition["field"], sign: string, { from, to }: Period): Filter {
  switch (sign) {
    case "<":
      return { field, op: "lt", value: from };
    case "<=":
      return { field, op: "lt", value: to };
    case ">":
      return { field, op: "gte", value: to };
    case ">=":
      return { field, op: "gte", value: from };
    default:
      return negatedIf(sign === "!=", {
        and: [
          { field, op: "gte", value: from },
          { field, op: "lt", value: to },
        ],
      });
  }
}

function periodOf(value: string, kind: "date" | "milliseconds"): Period | undefined {
  const [, year, month, day] = DATE.exec(value) ?? [];
  if (year === undefined) return undefined;
  const [y, m, d] = [Number(year), Number(month ?? 1), Number(day ?? 1)];
  const from = new Date(Date.UTC(y, m - 1, d));
  if (from.getUTCMonth() !== m - 1 || from.getUTCDate() !== d) return undefined; // no such day
  const to = new Date(
    Date.UTC(month === undefined ? y + 1 : y, day === undefined && month !== undefined ? m : m - 1, day === undefined ? 1 : d + 1),
  );
  if (kind === "milliseconds") return { from: from.getTime(), to: to.getTime() };
  return { from: from.toISOString().slice(0, 10), to: to.toISOString().slice(0, 10) };
}

function negatedIf(isNegated: boolean, filter: Filter): Filter {
  return isNegated ? { not: filter } : filter;
}

function parseJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch (cause) {
    throw new SearchError("invalid-filter", "filter: expected JSON where it begins with {", { text: text.slice(0, 80) }, { cause });
  }
}

function invalid(text: string, expected: string): SearchError {
  return new SearchError("invalid-filter", `filter: expected ${expected}, got ${JSON.stringify(text.slice(0, 80))}`, {
    text: text.slice(0, 80),
  });
}
