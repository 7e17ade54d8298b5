/**
 * `chinese-clip search`: the images of a folder, or rows of embedded features, that are nearest to texts and images.
 */
import { combine, type Hit, type OnRows, parseQuery, scoreRows, TopRows } from "@chinese-clip/search";
import { searchNpy } from "@chinese-clip/search/node";
import type { Command } from "../command.js";
import { checkFeaturesOf, type DatasetEmbedder, folderImages, SkippedFiles } from "@chinese-clip/dataset";
import { describeNpyRows, searchJsonl } from "../input/feature-files.js";
import { FILTER_OPTION } from "../input/filters.js";
import { type GallerySource, gallerySources } from "../input/gallery-source.js";
import { INDEX_OPTION } from "../input/index-path.js";
import { noteSkipped } from "../input/skipped-files.js";
import { embedParts } from "./embed-query.js";
import { HUB_OPTIONS, MODEL_OPTION, RUN_OPTIONS } from "./loading-options.js";
import { cutHits, HIT_OPTIONS, hitOutputOf, printHits } from "./print-hits.js";
import { readQuery } from "./query-problem.js";
import { searchIndex } from "./search-index.js";
import { withEmbedder } from "./with-embedder.js";
import { CommandError, t } from "../translation/translate.js";
import { skippedText } from "../translation/translate-error.js";
import { list, listValue, type OptionValues, requiredValue, setting, UsageError } from "../option.js";

/** The command. */
export const search: Command = {
  options: {
    query: setting(
      "query",
      "a text, @file for an image, or several: '2:猫 - 狗', '@a.jpg + 0.5:下雪'",
      "文本，或 @图片文件；可组合：'2:猫 - 狗'、'@a.jpg + 0.5:下雪'",
    ),
    ...INDEX_OPTION,
    ...FILTER_OPTION,
    ...MODEL_OPTION,
    in: list(
      "source",
      "instead of an index: a folder of images, or what embed wrote: a folder, *.jsonl or *.npy; may be given several times",
      "不用索引时：图片文件夹，或 embed 写出的文件夹、*.jsonl、*.npy；可多次给出",
    ),
    ...HIT_OPTIONS,
    ...RUN_OPTIONS,
    ...HUB_OPTIONS,
  },
  examples: [
    "--query 雪地里的猫 --filter 'takenAt>=2024' --html found.html",
    "--model OFA-Sys/chinese-clip-vit-base-patch16 --in photos --query '2:猫 - 狗'",
    "--model model --in features/img_emb/img_emb_0.npy --query '@cat.jpg + 下雪' --html found.html",
    "--model model --in photos.img_feat.jsonl --query 红色的车 --paths-only | xargs -d '\\n' cp -t found",
  ],

  async run(values, context) {
    const query = requiredValue(values, "query");
    const parts = readQuery(() => parseQuery(query));
    const output = hitOutputOf(values, context);
    if (values["in"] === undefined) return searchIndex(values, context, { query, parts }, output);
    const names = sourceNames(values);
    const { top } = output;
    const model = requiredValue(values, "model");
    const sources = await gallerySources(names);
    return withEmbedder(values, context, async ({ openEmbedder, onProgress, below }) => {
      const embedder = await openEmbedder();
      for (const { kind, path } of sources) if (kind !== "images") await checkFeaturesOf(path, embedder.record);
      const embeddings = await embedParts(parts, embedder);
      const vector = readQuery(() => combine(parts, embeddings));
      const onRows: OnRows = (done, total) => onProgress("search", done, total);
      let unreadable = 0;
      const skipped = (path: string, error: unknown): void => {
        unreadable++;
        below.note(skippedText(path, error, below.language));
      };
      const files = new SkippedFiles();
      const found: Hit[] = [];
      for (const source of sources) {
        for (const hit of await searchSource(source, { vector, top, embedder, onRows, skipped, files })) found.push(hit);
      }
      const hits = cutHits(found.toSorted((a, b) => b.score - a.score).slice(0, top), output).map((hit, i) => ({ ...hit, rank: i + 1 }));
      const code = await printHits(hits, { query, source: names.join(", "), model }, output, below);
      return noteSkipped(files, below) || (unreadable > 0 ? 1 : code);
    });
  },
};

/** @throws UsageError - options that are of use in an index only. */
function sourceNames(values: OptionValues): string[] {
  for (const name of ["index", "filter"]) if (values[name] !== undefined) throw new UsageError(t`give --${"in"} or --${name}, not both`);
  const names = listValue(values, "in").filter((name) => name !== "");
  if (names.length === 0) throw new UsageError(t`--${"in"} is needed; see --help`);
  return names;
}

/** How a source is searched. */
interface Search {
  readonly vector: Float32Array;
  readonly top: number;
  readonly embedder: DatasetEmbedder;
  readonly onRows: OnRows;
  readonly skipped: (path: string, error: unknown) => void;
  /** Gets what is no image. */
  readonly files: SkippedFiles;
}

async function searchSource({ kind, path }: GallerySource, how: Search): Promise<Hit[]> {
  const { vector, top, onRows } = how;
  if (kind === "npy") return describeNpyRows(path, await searchNpy(path, vector, top, onRows));
  return kind === "jsonl" ? searchJsonl(path, vector, top, onRows) : searchFolder(path, how);
}

async function searchFolder(folder: string, { vector, top, embedder, onRows, skipped, files: others }: Search): Promise<Hit[]> {
  const best = new TopRows(top);
  const paths = new Map<number, string>();
  let done = 0;
  for await (const result of embedder.embedImages(folderImages(folder, others), { imageOf: ({ content }) => content })) {
    const { label: path = "" } = result.input;
    if ("embedding" in result) {
      paths.set(result.index, path);
      scoreRows(result.embedding, result.index, vector, best);
      if (paths.size > 2 * top + 64) {
        const found = new Set(best.sorted().map(({ row }) => row));
        for (const row of paths.keys()) if (!found.has(row)) paths.delete(row);
      }
    } else skipped(path, result.error);
    onRows(++done, undefined);
  }
  const found = best.sorted();
  if (found.length === 0) throw new CommandError(t`${folder}: none of its images can be read; see the messages above`);
  return found.map(({ row, score }, i) => ({ rank: i + 1, score, id: row, path: paths.get(row) }));
}
