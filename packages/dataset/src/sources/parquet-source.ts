/**
 * `parquet:part-{0..9}.parquet`: URLs of images, or encoded images, in columns of Parquet files, as LAION, img2dataset and Hugging Face's data sets have
 * them. A shard is a range of a file's rows within one row group.
 */
import { basename } from "node:path";
import { DatasetError, shown, shortList } from "../dataset-error.js";
import type { ParquetColumn } from "../parquet/parquet-messages.js";
import { ParquetDecoder, type ParquetLimits, type ParquetRow } from "../parquet/parquet-reader.js";
import { fetchImages, type PendingItem } from "./fetch-images.js";
import { type ListSourceOptions, pendingImage } from "./list-source.js";
import { filesAt, isUrl } from "./locations.js";
import { shardId, shardSizeOf } from "./shard-id.js";
import type { DataSource, JsonValue, SourceSample, SourceShard } from "./source.js";

/** Which column is what. */
export interface ParquetColumns {
  /** URLs of images. Default: the first of `url`, `URL`, `image_url`, `img_url`. */
  readonly url?: string | undefined;
  /** Encoded images, or structs with `bytes`. Default: the first of `image`, `jpg`, `jpeg`, `png`, `webp`, `img`, `image_bytes`, `bytes`. */
  readonly image?: string | undefined;
  /** Texts. Default: the first of `caption`, `TEXT`, `text`, `alt_text`, `alt`. */
  readonly caption?: string | undefined;
  /** Names of the items. Default: the first of `key`, `id`, `image_id`, `uid`; else file and row. */
  readonly key?: string | undefined;
}

/** Options of Parquet files. */
export interface ParquetSourceOptions extends ListSourceOptions {
  /** Which column is what. */
  readonly columns?: ParquetColumns | undefined;
  /** What decoding may cost. */
  readonly parquet?: ParquetLimits | undefined;
}

const NAMES: Readonly<Record<keyof ParquetColumns, readonly string[]>> = {
  url: ["url", "URL", "image_url", "img_url"],
  image: ["image", "jpg", "jpeg", "png", "webp", "img", "image_bytes", "bytes"],
  caption: ["caption", "TEXT", "text", "alt_text", "alt"],
  key: ["key", "id", "image_id", "uid"],
};

/** Opens Parquet files. */
export function parquetSource(location: string, spec: string, options: ParquetSourceOptions): DataSource {
  const files = filesAt(location, [".parquet"], options);
  const limits = options.parquet ?? {};
  return {
    spec,
    async *list({ signal, ...rest } = {}) {
      const shardSize = shardSizeOf(rest);
      let index = 0;
      using decoder = new ParquetDecoder(limits);
      for await (const { name } of files.list(signal)) {
        const file = files.open(name);
        const size = await file.size({ signal });
        const { groups } = await decoder.open(file, signal);
        let first = 0;
        for (const rows of groups) {
          for (let from = first; from < first + rows; from += shardSize) {
            const to = Math.min(from + shardSize, first + rows);
            const part = { file: name, size, from, to };
            yield { id: shardId(index, [basename(name), size, from, to]), index: index++, count: to - from, part };
          }
          first += rows;
        }
      }
    },
    async *read(shard, { signal } = {}) {
      const { name, size, from, to } = partOf(shard);
      const file = files.open(name);
      const found = await file.size({ signal });
      if (found !== size) throw new DatasetError("source-changed", { got: found, expected: size, file: file.label });
      using decoder = new ParquetDecoder(limits);
      const reader = await decoder.open(file, signal);
      const columns = columnsOf(reader.columns, options.columns ?? {}, file.label);
      const items = async function* (): AsyncGenerator<PendingItem, void, undefined> {
        let row = from;
        for await (const values of reader.rows(from, to, columns.all)) yield itemOf(values, columns, `${basename(name)}#${row++}`, options);
      };
      yield* fetchImages(items(), options.maxImageBytes, options, signal);
    },
  };
}

/** Columns of a file, and which of them is what. */
type FoundColumns = { readonly [Name in keyof ParquetColumns]: string | undefined } & { readonly all: readonly string[] };

function columnsOf(columns: readonly ParquetColumn[], asked: ParquetColumns, file: string): FoundColumns {
  const find = (role: keyof ParquetColumns): string | undefined => {
    const name = asked[role];
    const isFit = ({ isFlat, members }: ParquetColumn): boolean => isFlat || (role === "image" && members.includes("bytes"));
    if (name === undefined) return NAMES[role].find((one) => columns.some((column) => column.name === one && isFit(column)));
    if (columns.some((column) => column.name === name && isFit(column))) return name;
    throw new DatasetError("no-column", {
      name: shown(name),
      columns: shown(
        shortList(
          columns.map((column) => column.name),
          20,
        ),
      ),
      file,
    });
  };
  const found = { url: find("url"), image: find("image"), caption: find("caption"), key: find("key") };
  if (found.url === undefined && found.image === undefined && found.caption === undefined) {
    const name = "url, image or caption";
    throw new DatasetError("no-column", {
      name,
      columns: shown(
        shortList(
          columns.map((column) => column.name),
          20,
        ),
      ),
      file,
    });
  }
  const all = columns.filter(({ name, isFlat }) => isFlat || name === found.image).map(({ name }) => name);
  return { ...found, all };
}

function itemOf(row: ParquetRow, columns: FoundColumns, place: string, options: ParquetSourceOptions): PendingItem {
  const key = (columns.key === undefined ? undefined : textOf(row[columns.key])) ?? place;
  const caption = columns.caption === undefined ? undefined : textOf(row[columns.caption]);
  const meta: Record<string, JsonValue> = {};
  for (const [name, value] of Object.entries(row)) {
    if (name === columns.image || name === columns.caption) continue;
    const plain = value instanceof Uint8Array ? textOf(value) : value;
    if (plain !== undefined && plain !== null) Object.defineProperty(meta, name, { value: plain, enumerable: true });
  }
  const sample: Omit<SourceSample, "image"> = { key, ...(caption === undefined ? {} : { caption }), meta };
  const image = columns.image === undefined ? undefined : row[columns.image];
  const bytes = typeof image === "object" && image !== null && "bytes" in image ? image.bytes : image;
  if (bytes instanceof Uint8Array) {
    if (bytes.length <= options.maxImageBytes) return { ...sample, image: bytes };
    return { key, error: new DatasetError("too-large", { maximum: options.maxImageBytes, file: shown(key) }) };
  }
  const url = columns.url === undefined ? undefined : textOf(row[columns.url]);
  if (url === undefined) return sample;
  // A path in a stranger's table must not be read from this machine.
  if (!isUrl(url) || url.startsWith("s3:")) return { key, error: new DatasetError("not-a-url", { got: shown(url), file: shown(key) }) };
  return pendingImage(sample, url, options);
}

function textOf(value: unknown): string | undefined {
  if (value instanceof Uint8Array) return new TextDecoder().decode(value);
  return typeof value === "string" ? value : typeof value === "number" ? String(value) : undefined;
}

function partOf({ id, part }: SourceShard): { readonly name: string; readonly size: number; readonly from: number; readonly to: number } {
  const { file, size, from, to } = typeof part === "object" && part !== null ? (part as Readonly<Record<string, unknown>>) : {};
  const isCount = (value: unknown): value is number => typeof value === "number" && Number.isSafeInteger(value) && value >= 0;
  if (typeof file === "string" && isCount(size) && isCount(from) && isCount(to)) return { name: file, size, from, to };
  throw new DatasetError("invalid-shard", { id, expected: "rows of a Parquet file" });
}
