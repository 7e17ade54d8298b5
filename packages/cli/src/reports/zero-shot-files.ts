/**
 * The files of a zero-shot evaluation: ELEVATER's predictions, and a page with the confusion matrix.
 */
import { join } from "node:path";
import { writeWhole } from "@chinese-clip/dataset";
import { type ElevaterHead, formatElevater } from "@chinese-clip/evaluation";
import type { ZeroShotResult } from "@chinese-clip/evaluation/node";
import { formatConfusionChart } from "./confusion-chart.js";
import { formatZeroShotPage } from "./zero-shot-page.js";

/** What the written files say beside the result. */
export interface ZeroShotNames extends ElevaterHead {
  readonly templates: readonly string[];
}

/**
 * Writes `<dataset>.json` as cn_clip does, `<dataset>.confusion.svg` and `<dataset>.html`.
 *
 * @returns their paths.
 */
export async function writeZeroShotFiles(folder: string, names: ZeroShotNames, result: ZeroShotResult): Promise<string[]> {
  const { labels, scores } = result;
  const page = formatZeroShotPage({ model: names.modelName, dataset: names.datasetName, labels, templates: names.templates, scores });
  const files: (readonly [file: string, pieces: Iterable<string>])[] = [
    [join(folder, `${names.datasetName}.json`), formatElevater(names, result.probabilities, result.index)],
    [join(folder, `${names.datasetName}.confusion.svg`), [formatConfusionChart(scores, labels)]],
    [join(folder, `${names.datasetName}.html`), [page]],
  ];
  for (const [file, pieces] of files) await writeWhole(file, pieces);
  return files.map(([file]) => file);
}
