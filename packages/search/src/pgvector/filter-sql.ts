/** A filter as a condition on a jsonb column. Every value is a parameter; each condition is true or false as `matchesFilter`'s. */
import type { FieldCondition, Filter } from "../store/filter.js";

/** The parameters of a statement, in the order of their numbers. */
export class SqlParameters {
  readonly values: unknown[] = [];

  /** Adds one. @returns how the statement names it. */
  add(value: unknown): string {
    return `$${this.values.push(value)}`;
  }
}

/** The condition for a filter that `parseFilter` has checked, in brackets. */
export function filterSql(filter: Filter, column: string, parameters: SqlParameters): string {
  if ("and" in filter) return joined(filter.and, "and", "true", column, parameters);
  if ("or" in filter) return joined(filter.or, "or", "false", column, parameters);
  if ("not" in filter) return `(not ${filterSql(filter.not, column, parameters)})`;
  return `(coalesce(${conditionSql(filter, column, parameters)}, false))`;
}

function joined(filters: readonly Filter[], word: "and" | "or", none: string, column: string, parameters: SqlParameters): string {
  return filters.length === 0 ? none : `(${filters.map((one) => filterSql(one, column, parameters)).join(` ${word} `)})`;
}

/** May be null for a field that is missing. */
function conditionSql(condition: FieldCondition, column: string, parameters: SqlParameters): string {
  const { field } = condition;
  const value = `(${column} #> ${parameters.add(typeof field === "string" ? [field] : field)}::text[])`;
  const text = `(${value} #>> '{}')`;
  const json = (one: unknown): string => `${parameters.add(JSON.stringify(one))}::jsonb`;
  switch (condition.op) {
    case "eq":
      return `${value} = ${json(condition.value)}`;
    case "ne":
      return `not coalesce(${value} = ${json(condition.value)}, false)`;
    case "in":
      return `${value} = any(${parameters.add(condition.value.map((one) => JSON.stringify(one)))}::text[]::jsonb[])`;
    case "lt":
    case "lte":
    case "gt":
    case "gte":
      return comparisonSql(condition, value, text, parameters);
    case "startsWith":
      return `jsonb_typeof(${value}) = 'string' and starts_with(${text}, ${parameters.add(condition.value)}::text)`;
    case "glob":
      return `jsonb_typeof(${value}) = 'string' and ${text} ~ ${parameters.add(globPattern(condition.value))}::text`;
    case "contains":
      return `jsonb_typeof(${value}) = 'array' and ${value} @> jsonb_build_array(${json(condition.value)})`;
    case "exists":
      return `(${value} is not null) = ${parameters.add(condition.value)}::boolean`;
  }
}

/** Numbers with numbers, and strings with strings by their bytes in UTF-8, whose order is that of code points. */
function comparisonSql(
  { op, value: bound }: Extract<FieldCondition, { readonly op: "lt" | "lte" | "gt" | "gte" }>,
  value: string,
  text: string,
  parameters: SqlParameters,
): string {
  const sign = { lt: "<", lte: "<=", gt: ">", gte: ">=" }[op];
  // A case, since the order in which `and` is evaluated is not said, and the text of a string is no number.
  return typeof bound === "number"
    ? `case when jsonb_typeof(${value}) = 'number' then ${text}::numeric ${sign} ${parameters.add(String(bound))}::numeric end`
    : `case when jsonb_typeof(${value}) = 'string' then ${text} collate "C" ${sign} ${parameters.add(bound)}::text collate "C" end`;
}

/**
 * A pattern of names of files as a regular expression of PostgreSQL, whose class of expressions without back references takes no more time than the
 * product of the lengths.
 */
function globPattern(glob: string): string {
  const source = glob.replaceAll(/\*\*+\/?|[*?]|[^\p{L}\p{N}]/gu, (part, at: number) => {
    if (part === "*") return "[^/]*";
    if (part === "?") return "[^/]";
    if (!part.startsWith("**")) return `\\U${(part.codePointAt(0) as number).toString(16).padStart(8, "0")}`;
    if (!part.endsWith("/")) return ".*";
    return at === 0 || glob[at - 1] === "/" ? "(?:.*/)?" : ".*/";
  });
  return `^(?:${source})$`;
}
