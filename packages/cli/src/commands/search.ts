/**
 * `chinese-clip search`: the images of a folder, or rows of embedded features, that are nearest to texts and images.
 */
import { combine, type Hit, type OnRows, parseQuery, type QueryPart, scoreRows, TopRows } from "@chinese-clip/search";
import { searchNpy } from "@chinese-clip/search/node";
import { preprocessEvalText } from "@chinese-clip/tokenizer";
import {
  type Command,
  type CommandContext,
  type OptionValues,
  requiredValue,
  requiredValues,
  stringValue,
  UsageError,
} from "../command.js";
import { checkFeaturesOf, type DatasetEmbedder, folderImages, SkippedFiles, writeWhole } from "@chinese-clip/dataset";
import { describeNpyRows, searchJsonl } from "../input/feature-files.js";
import { type GallerySource, gallerySources } from "../input/gallery-source.js";
import { noteSkipped } from "../input/skipped-files.js";
import { formatResultPage } from "../reports/result-page.js";
import { formatTable } from "../terminal/table.js";
import { HUB_OPTIONS, MODEL_OPTION, RUN_OPTIONS } from "./loading-options.js";
import { readQuery } from "./query-problem.js";
import { withEmbedder } from "./with-embedder.js";
import { CommandError, t } from "../translation/translate.js";
import { errorText, skippedText } from "../translation/translate-error.js";

/** The command. */
export const search: Command = {
  options: {
    ...MODEL_OPTION,
    query: {
      type: "string",
      value: "query",
      help: {
        en: "a text, @file for an image, or several: '2:猫 - 狗', '@a.jpg + 0.5:下雪'",
        zh: "文本，或 @图片文件；可组合：'2:猫 - 狗'、'@a.jpg + 0.5:下雪'",
      },
    },
    in: {
      type: "string",
      multiple: true,
      value: "source",
      help: {
        en: "a folder of images, or what embed wrote: a folder, *.jsonl or *.npy; may be given several times",
        zh: "图片文件夹，或 embed 写出的文件夹、*.jsonl、*.npy；可多次给出",
      },
    },
    top: { type: "string", value: "k", help: { en: "number of results (default: 10)", zh: "返回条数（默认 10）" } },
    "paths-only": { type: "boolean", help: { en: "print only paths, for pipes", zh: "只输出路径，便于管道处理" } },
    html: { type: "string", value: "file", help: { en: "write a page with the images", zh: "写出含图片的网页" } },
    ...RUN_OPTIONS,
    ...HUB_OPTIONS,
  },
  examples: [
    "--model OFA-Sys/chinese-clip-vit-base-patch16 --in photos --query '2:猫 - 狗'",
    "--model model --in features/img_emb/img_emb_0.npy --query '@cat.jpg + 下雪' --html found.html",
    "--model model --in photos.img_feat.jsonl --query 红色的车 --paths-only | xargs -d '\\n' cp -t found",
  ],

  async run(values, context) {
    const [query, names] = [requiredValue(values, "query"), requiredValues(values, "in")];
    const parts = readQuery(() => parseQuery(query));
    const top = topOf(values);
    if (values["paths-only"] === true && context.json) throw new UsageError(t`give --${"paths-only"} or --${"json"}, not both`);
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
      const hits = found
        .toSorted((a, b) => b.score - a.score)
        .slice(0, top)
        .map((hit, i) => ({ ...hit, rank: i + 1 }));
      await printHits(
        hits,
        { query, source: names.join(", "), model, html: stringValue(values, "html"), pathsOnly: values["paths-only"] === true },
        below,
      );
      return noteSkipped(files, below) || (unreadable > 0 ? 1 : 0);
    });
  },
};

function topOf(values: OptionValues): number {
  const text = stringValue(values, "top") ?? "10";
  const top = Number(text);
  if (/^\d{1,6}$/.test(text) && top >= 1) return top;
  throw new UsageError(t`--top: expected a number from 1 to 999999, got ${text}`);
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

async function embedParts(parts: readonly QueryPart[], embedder: DatasetEmbedder): Promise<Float32Array[]> {
  const embeddings: Float32Array[] = [];
  for (const { kind, content } of parts) {
    if (kind === "text") embeddings.push((await embedder.embedText([preprocessEvalText(content)])).data);
    else {
      for await (const result of embedder.embedImages(only(content), { imageOf: (file) => file })) {
        if ("embedding" in result) embeddings.push(result.embedding);
        else
          throw new CommandError(t`${content}: cannot be read as the query's image (${errorText(result.error)})`, { cause: result.error });
      }
    }
  }
  return embeddings;
}

async function* only(file: string): AsyncGenerator<string, void, undefined> {
  yield file;
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

/** What was asked, and how the answer is printed. */
interface SearchReport {
  readonly query: string;
  readonly source: string;
  readonly model: string;
  /** The page to write. */
  readonly html: string | undefined;
  readonly pathsOnly: boolean;
}

async function printHits(
  hits: readonly Hit[],
  { query, source, model, html, pathsOnly }: SearchReport,
  { json, language, print, note }: CommandContext,
): Promise<void> {
  const nameOf = ({ path, id }: Hit): string => path ?? String(id ?? "");
  if (json) print(JSON.stringify({ query, results: hits }, null, 2));
  else if (pathsOnly && !process.stdout.isTTY) process.stdout.write(`${hits.map(nameOf).join("\n")}\n`); // for a program, byte by byte
  else if (pathsOnly) print(hits.map(nameOf).join("\n"));
  else {
    const head = language === "zh" ? ["图片", "得分"] : ["image", "score"];
    print(formatTable([head, ...hits.map((hit) => [nameOf(hit), hit.score.toFixed(4)])]));
  }
  if (html === undefined) return;
  await writeWhole(html, [await formatResultPage({ query, source, model, hits, file: html, date: new Date(), language })]);
  if (!json && !pathsOnly) note(`→ ${html}`);
}
