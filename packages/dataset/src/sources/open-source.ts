/** A source from what names it, as a manifest or a command line does. */
import { withoutSecrets } from "@chinese-clip/pipeline";
import { DatasetError, shown } from "../dataset-error.js";
import { bucketSource } from "./bucket-source.js";
import type { FetchOptions } from "./fetch-images.js";
import { folderSource } from "./folder-source.js";
import { jsonlSource, listSource, tsvSource } from "./list-source.js";
import { type AccessOptions, isUrl } from "./locations.js";
import { type ParquetColumns, parquetSource } from "./parquet-source.js";
import type { ParquetLimits } from "../parquet/parquet-reader.js";
import type { DataSource } from "./source.js";
import { tarSource } from "./tar-source.js";

/** How a source is read. */
export interface SourceOptions extends Omit<AccessOptions, "allowPrivateAddresses">, FetchOptions {
  /**
   * Whether URLs may lead to this machine and its network: `true` for all, `"location"` for the source's own files and not for the URLs that are
   * written in them. Default false.
   */
  readonly allowPrivateAddresses?: boolean | "location" | undefined;
  /** Bytes of one encoded image, at most. Default 64 MiB. */
  readonly maxImageBytes?: number | undefined;
  /** Which columns of a Parquet file are read. Default: found by their names. */
  readonly columns?: ParquetColumns | undefined;
  /** What decoding a Parquet file may cost. */
  readonly parquet?: ParquetLimits | undefined;
}

/** Bytes of an image unless another number is asked for. */
const MAX_IMAGE_BYTES = 64 << 20;

/** What may stand before a source's place. */
const SCHEMES = "folder:, list:, tsv:, jsonl:, webdataset:, parquet:, s3:// or a file that ends in .tar, .parquet, .tsv or .jsonl";

/**
 * Opens a source. Nothing is read yet.
 *
 * | spec | items |
 * | --- | --- |
 * | `folder:photos` | the images of a folder and those below it |
 * | `list:paths.txt` | images by their paths or URLs, one a line |
 * | `tsv:valid_imgs.tsv`, `jsonl:valid_texts.jsonl` | cn_clip's images and texts |
 * | `webdataset:{00000..00099}.tar` | tars as img2dataset writes them |
 * | `parquet:part-{0..9}.parquet` | URLs or encoded images in a column |
 * | `s3://bucket/photos/` | the images of a bucket |
 *
 * A file may be a path, `http(s)://…` or `s3://bucket/key`; a folder or prefix stands for all its tars or Parquet files.
 *
 * @throws DatasetError - `unknown-source`, `brace-range`, `s3-address`.
 */
export function openSource(spec: string, options: SourceOptions = {}): DataSource {
  const { allowPrivateAddresses = false, maxImageBytes = MAX_IMAGE_BYTES } = options;
  const allowed = { allowPrivateAddresses: allowPrivateAddresses !== false, allowPrivateItems: allowPrivateAddresses === true };
  const all = { ...options, ...allowed, maxImageBytes };
  const [scheme, place] = schemeOf(spec);
  const named = withoutSecrets(spec);
  switch (scheme) {
    case "folder":
      return folderSource(place);
    case "list":
      return listSource(place, named, all);
    case "tsv":
      return tsvSource(place, named, all);
    case "jsonl":
      return jsonlSource(place, named, all);
    case "webdataset":
      return tarSource(place, named, { maxMemberBytes: all.maxImageBytes }, all);
    case "parquet":
      return parquetSource(place, named, all);
    case "s3":
      return bucketSource(place, named, all);
    default:
      throw new DatasetError("unknown-source", { expected: SCHEMES, file: shown(named) });
  }
}

/** A spec's kind and place; a file without a kind is told by how its name ends. */
function schemeOf(spec: string): readonly [string, string] {
  const [, scheme = "", place = ""] = /^(folder|list|tsv|jsonl|webdataset|parquet):(.+)$/su.exec(spec) ?? [];
  if (scheme !== "") return [scheme, place];
  const path = isUrl(spec) ? (spec.split(/[?#]/u)[0] ?? "") : spec;
  if (/\.(?:tar|tar\.gz|tgz)$/iu.test(path)) return ["webdataset", spec];
  if (/\.parquet$/iu.test(path)) return ["parquet", spec];
  if (/\.tsv$/iu.test(path)) return ["tsv", spec];
  if (/\.jsonl$/iu.test(path)) return ["jsonl", spec];
  return [spec.startsWith("s3://") ? "s3" : "", spec];
}
