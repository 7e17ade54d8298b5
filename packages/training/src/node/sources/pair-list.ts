/**
 * Pairs from a list: CSV or TSV with a header line (RFC 4180), or JSON lines. Paths of images are relative to the list's folder.
 */
import { statSync } from "node:fs";
import { dirname, extname, resolve } from "node:path";
import { readLines, readText } from "@chinese-clip/dataset";
import { DatasetError, shown, shownJson } from "@chinese-clip/dataset/formats";
import { type PairList, type SkippedPair, type TrainingImage, type TrainingPair, usablePairs } from "../../data/pairs.js";
import { TrainingError } from "../../training-error.js";

const IMAGE_COLUMNS = ["image", "filepath", "file", "path", "图片", "图像", "文件"];
const TEXT_COLUMNS = ["text", "caption", "title", "文本", "描述", "标题"];

/**
 * Pairs of a `.csv`, `.tsv` or `.jsonl` file: `image` (or `filepath`, `file`, `path`, 图片, 图像, 文件) and `text` (or `caption`, `title`, 文本, 描述, 标题) of
 * each row; JSON lines have `image` and `text`. An image may be in several rows, with different texts.
 *
 * @throws DatasetError - no such file, no UTF-8, a line that is no JSON; TrainingError - `missing-column`, `unterminated-quote`, `invalid-pair`.
 */
export async function listedPairs(file: string): Promise<PairList> {
  const folder = dirname(resolve(file));
  const images = new Map<string, TrainingImage | undefined>();
  const pairs: TrainingPair[] = [];
  const skipped: SkippedPair[] = [];
  for await (const { image: name, text } of extname(file) === ".jsonl" ? jsonRows(file) : tableRows(file)) {
    const path = isFile(resolve(folder, name)) ? resolve(folder, name) : resolve(folder, name.replaceAll("\\", "/")); // as Windows writes it
    if (!images.has(path)) images.set(path, isFile(path) ? { name, read: async () => path } : undefined);
    const image = images.get(path);
    if (image === undefined) skipped.push({ name, reason: "missing-image" });
    else pairs.push({ image, text });
  }
  return usablePairs(file, pairs, skipped);
}

function isFile(path: string): boolean {
  try {
    return statSync(path, { throwIfNoEntry: false })?.isFile() === true;
  } catch {
    return false; // no path at all, as one with a zero byte
  }
}

interface Row {
  readonly image: string;
  readonly text: string;
}

async function* jsonRows(file: string): AsyncGenerator<Row, void, undefined> {
  for await (const { number: line, text: raw } of readLines(file)) {
    let value: unknown;
    try {
      value = JSON.parse(raw);
    } catch (cause) {
      throw new DatasetError("not-json", { reason: shown(String(cause)), file, line }, { cause });
    }
    const { image, text } = (typeof value === "object" && value !== null ? value : {}) as Readonly<Record<string, unknown>>;
    if (typeof image !== "string" || typeof text !== "string")
      throw new TrainingError("invalid-pair", { got: shownJson(value), file, line });
    yield { image, text };
  }
}

async function* tableRows(file: string): AsyncGenerator<Row, void, undefined> {
  const rows = parseTable(await readText(file), extname(file) === ".tsv" ? "\t" : ",", file);
  const header = rows.shift()?.map((name) => name.trim().toLowerCase()) ?? [];
  const columnOf = (names: readonly string[]): number => {
    const column = header.findIndex((name) => names.includes(name));
    if (column < 0) throw new TrainingError("missing-column", { expected: names.join("/"), got: shown(header.join(", ")), file, line: 1 });
    return column;
  };
  const [image, text] = [columnOf(IMAGE_COLUMNS), columnOf(TEXT_COLUMNS)];
  for (const row of rows) if (row.length > 1 || row[0] !== "") yield { image: row[image] ?? "", text: row[text] ?? "" };
}

/** Rows of fields; a quoted field may hold separators, line breaks and doubled quotes. */
function parseTable(text: string, separator: string, file: string): string[][] {
  const rows: string[][] = [];
  let row: string[] = [];
  let at = 0;
  while (at < text.length) {
    let field = "";
    if (text[at] === '"') {
      const start = at;
      for (;;) {
        const end = text.indexOf('"', at + 1);
        if (end < 0) throw new TrainingError("unterminated-quote", { file, line: text.slice(0, start).split("\n").length });
        field += text.slice(at + 1, end);
        at = end + 1;
        if (text[at] !== '"') break;
        field += '"';
      }
    }
    const plain = separator === "\t" ? /[^\t\n]*/uy : /[^,\n]*/uy;
    plain.lastIndex = at;
    const [more = ""] = plain.exec(text) ?? [];
    at += more.length;
    row.push(field + more.replace(/\r$/u, ""));
    if (text[at] === separator) {
      at++;
      if (at < text.length) continue;
      row.push("");
    }
    at++; // the line's end
    rows.push(row);
    row = [];
  }
  return rows;
}
