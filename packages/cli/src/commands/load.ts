/**
 * `chinese-clip load`: finished shards into a search index in a folder, or into PostgreSQL with pgvector. Repeated after a kill, it writes what is missing.
 */
import { findShards, type JsonObject, loadShards, openStore } from "@chinese-clip/dataset";
import type { VectorStore } from "@chinese-clip/search";
import { openFolderStore } from "@chinese-clip/search/node";
import type { Command } from "../command.js";
import { formatSeconds, TerminalProgress } from "../terminal/progress.js";
import { t } from "../translation/translate.js";
import { choiceValue, flag, oneOperand, type OptionValues, requiredValue, setting, stringValue, UsageError } from "../option.js";

const DATABASE = /^postgres(?:ql)?:\/\//iu;

/** Shards that are named one by one. */
const MOST_NAMED = 20;

/** The command. */
export const load: Command = {
  operands: "<output>",
  options: {
    to: setting(
      "folder|url",
      "an index's folder, or postgres://user@host/database with pgvector (needs the package pg)",
      "索引文件夹，或装有 pgvector 的 postgres://user@host/database（需安装 pg 包）",
    ),
    table: setting("name", "the table in PostgreSQL (default: images)", "PostgreSQL 的表名（默认 images）"),
    tower: setting("image|text", "which embeddings of the shards (default: image)", "导入分片中的哪种向量（默认 image）"),
    copy: flag("write to PostgreSQL by COPY (needs the package pg-copy-streams)", "用 COPY 写入 PostgreSQL（需安装 pg-copy-streams 包）"),
    hnsw: flag("make PostgreSQL's HNSW index when all rows are there", "全部写入后建立 PostgreSQL 的 HNSW 索引"),
  },
  examples: ["photos.features --to photos.store", "photos.features --to postgres://user@host/database --table photos --copy --hnsw"],

  async run(values, context, operands) {
    const output = openStore(oneOperand(operands, t`the folder that workers wrote finished shards to`));
    const to = requiredValue(values, "to");
    const tower = choiceValue(values, "tower", ["image", "text"]) ?? "image";
    const isDatabase = DATABASE.test(to);
    const wrong = ["table", "copy", "hnsw"].find((name) => values[name] !== undefined && !isDatabase);
    if (wrong !== undefined) throw new UsageError(t`--${wrong} is of use only with --to postgres://…`);
    const { language, signal, json, print, note } = context;
    const progress = new TerminalProgress(process.stderr);
    const start = performance.now();
    const found = await findShards(output, { tower, signal });
    const target = await openTarget(to, values, found);
    try {
      const summary = await loadShards(
        output,
        target.store,
        { tower, signal, onProgress: ({ rows, total }) => progress.report(language === "zh" ? "行" : "rows", rows, total) },
        found,
      );
      progress.end();
      if (values["hnsw"] === true) await target.createIndex();
      const seconds = (performance.now() - start) / 1000;
      const { shards, rows, present, unfinished } = summary;
      const { count } = target.store.info;
      for (const { index, reason } of unfinished.slice(0, MOST_NAMED)) note(t`shard ${index} was left out: ${reason}`[language]);
      if (json) print(JSON.stringify({ ...summary, count, seconds }));
      else
        print(
          t`${shards} shards, ${rows} rows (${present} were there), in ${formatSeconds(seconds)}; the store has ${count} items`[language],
        );
      return unfinished.length > 0 ? 1 : 0;
    } finally {
      progress.end();
      await target.store.close();
    }
  },
};

interface Target {
  readonly store: VectorStore<JsonObject>;
  createIndex(): Promise<void>;
}

async function openTarget(
  to: string,
  values: OptionValues,
  { dim, fingerprint }: { readonly dim: number; readonly fingerprint: string },
): Promise<Target> {
  if (!DATABASE.test(to)) {
    const store = await openFolderStore<JsonObject>(to, { dim, fingerprint });
    return { store, createIndex: async () => undefined };
  }
  const { openPgVectorStore } = await import("@chinese-clip/search/pgvector");
  const table = stringValue(values, "table") ?? "images";
  const store = await openPgVectorStore<JsonObject>({ url: to, table, dim, fingerprint, copy: values["copy"] === true });
  return { store, createIndex: () => store.createIndex() };
}
