/** Pairs of whatever a path leads to. */
import { existsSync } from "node:fs";
import { join } from "node:path";
import { isFolder, openSource } from "@chinese-clip/dataset";
import type { PairList } from "../../data/pairs.js";
import { captionedImages } from "./caption-folder.js";
import { cnClipPairs } from "./cn-clip.js";
import { listedPairs } from "./pair-list.js";
import { sourcePairs } from "./shared-source.js";

/** What `openSource` reads with captions. */
const SOURCE = /^(?:webdataset|parquet):|\.(?:tar|tar\.gz|tgz|parquet)$/iu;

/**
 * Pairs of a folder in cn_clip's format, of a folder of images with captions, of a CSV, TSV or JSON lines file, or of tars and Parquet files
 * as `openSource` of `@chinese-clip/dataset` names them.
 *
 * @param split - which files of cn_clip's folder: `train` for `train_imgs.tsv` and `train_texts.jsonl`.
 * @throws DatasetError, TrainingError - as the reader of the kind that was found.
 */
export async function findPairs(path: string, split: string): Promise<PairList> {
  if (SOURCE.test(path)) return sourcePairs(openSource(path));
  if (!(await isFolder(path))) return listedPairs(path);
  return existsSync(join(path, `${split}_imgs.tsv`)) ? cnClipPairs(path, split) : captionedImages(path);
}
