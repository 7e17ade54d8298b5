/**
 * A shard's rows as clip-retrieval's metadata table: `image_path`, `caption`, then a column for each name in the items' metadata, as pandas'
 * `json_normalize` makes them: `{"a": {"b": 1}}` is the column `a.b`. Rows wait in a file until the types of all columns are known.
 */
import { appendFile } from "node:fs/promises";
import { writingTo } from "@chinese-clip/pipeline/node";
import { readLines } from "../files/read-lines.js";
import { type Cell, type Column, type ColumnType, createParquet } from "../parquet/write-parquet.js";
import type { JsonObject, JsonValue } from "../sources/source.js";

/** One row. */
export interface MetadataRow {
  /** The image's path or key. */
  readonly key: string;
  /** Its text. */
  readonly caption?: string | undefined;
  /** What else is known of it. */
  readonly meta?: JsonObject | undefined;
}

/** Columns of a table, beyond which a stranger's metadata is one column of JSON, `metadata`. */
const MOST_COLUMNS = 256;
/** Objects in objects that become columns of their own; what lies deeper is JSON. */
const DEEPEST = 8;
/** Rows of a row group, and the characters of its metadata beyond which it is shorter. */
const [GROUP_ROWS, GROUP_CHARACTERS] = [10_000, 8 << 20];
/** Names that are ours; clip-retrieval drops the metadata's. */
const OWN: ReadonlySet<string> = new Set(["image_path", "caption", "metadata"]);

type Kind = "integer" | "number" | "boolean" | "string" | "json";

/** Rows on their way into a table. */
export class MetadataRows {
  readonly #file: string;
  readonly #kinds = new Map<string, Set<Kind>>();
  #pending = "";
  #hasCaptions = false;
  /** Rows so far. */
  count = 0;

  /** @param file - where rows wait; it is the caller's to remove. */
  constructor(file: string) {
    this.#file = file;
  }

  /** Adds a row; it may wait in memory until {@link flush}. */
  add({ key, caption, meta }: MetadataRow): void {
    this.count++;
    if (caption !== undefined) this.#hasCaptions = true;
    const cells = meta === undefined ? {} : flatten(meta);
    if (this.#kinds.size <= MOST_COLUMNS) {
      for (const [name, value] of Object.entries(cells)) {
        const kinds = this.#kinds.get(name) ?? new Set();
        this.#kinds.set(name, kinds);
        if (value !== null) kinds.add(kindOf(value));
      }
    }
    this.#pending += `${JSON.stringify([key, caption ?? null, meta ?? null])}\n`;
  }

  /** Writes what waits in memory to the file, where that is much or `all` is asked for. */
  async flush(all = false): Promise<void> {
    if (this.#pending.length < (all ? 1 : 1 << 20)) return;
    const pending = this.#pending;
    this.#pending = "";
    await writingTo(this.#file, () => appendFile(this.#file, pending));
  }

  /** The rows again, in their order. */
  async *rows(): AsyncGenerator<MetadataRow, void, undefined> {
    await this.flush(true);
    if (this.count === 0) return;
    for await (const { text } of readLines(this.#file)) {
      const [key, caption, meta] = JSON.parse(text) as [string, string | null, JsonObject | null];
      yield { key, caption: caption ?? undefined, meta: meta ?? undefined };
    }
  }

  /** Writes the table. */
  async writeTable(file: string): Promise<void> {
    const isWide = this.#kinds.size > MOST_COLUMNS;
    const found = [...this.#kinds].map(([name, kinds]): Column => ({ name, type: typeOf(kinds) }));
    const columns: Column[] = [
      { name: "image_path", type: "STRING" },
      ...(this.#hasCaptions ? [{ name: "caption", type: "STRING" } as const] : []),
      ...(isWide ? [{ name: "metadata", type: "STRING" } as const] : found),
    ];
    const table = await createParquet(file, columns);
    try {
      let [group, characters] = [columns.map((): Cell[] => []), 0];
      for await (const { key, caption, meta } of this.rows()) {
        const cells = isWide ? { metadata: meta === undefined ? null : JSON.stringify(meta) } : flatten(meta ?? {});
        for (const [at, { name, type }] of columns.entries()) {
          const cell = at === 0 ? key : name === "caption" ? (caption ?? null) : cellOf(cells[name], type);
          group[at]?.push(cell);
          if (typeof cell === "string") characters += cell.length;
        }
        if ((group[0]?.length ?? 0) < GROUP_ROWS && characters < GROUP_CHARACTERS) continue;
        await table.write(group);
        [group, characters] = [columns.map((): Cell[] => []), 0];
      }
      await table.write(group);
      await table.finish();
    } finally {
      await table.close();
    }
  }
}

/** An object's values by their paths; lists, and what lies deeper than {@link DEEPEST}, as they are. */
function flatten(meta: JsonObject): Record<string, JsonValue> {
  const cells: Record<string, JsonValue> = Object.create(null) as Record<string, JsonValue>;
  const walk = (object: JsonObject, prefix: string, left: number): void => {
    for (const [name, value] of Object.entries(object)) {
      const path = prefix + name;
      if (typeof value === "object" && value !== null && !Array.isArray(value) && left > 0) walk(value as JsonObject, `${path}.`, left - 1);
      else if (!OWN.has(path)) cells[path] = value;
    }
  };
  walk(meta, "", DEEPEST);
  return cells;
}

function kindOf(value: JsonValue): Kind {
  if (typeof value === "number") return Number.isSafeInteger(value) && !Object.is(value, -0) ? "integer" : "number";
  if (typeof value === "boolean") return "boolean";
  return typeof value === "string" ? "string" : "json";
}

function typeOf(kinds: ReadonlySet<Kind>): ColumnType {
  const all = [...kinds];
  if (all.length > 0 && all.every((kind) => kind === "integer")) return "INT64";
  if (all.length > 0 && all.every((kind) => kind === "integer" || kind === "number")) return "DOUBLE";
  return all.length === 1 && all[0] === "boolean" ? "BOOLEAN" : "STRING";
}

/** In a column of different types everything but strings is written as JSON. */
function cellOf(value: JsonValue | undefined, type: ColumnType): Cell {
  if (value === undefined || value === null) return null;
  return type === "STRING" && typeof value !== "string" ? JSON.stringify(value) : (value as Cell);
}
