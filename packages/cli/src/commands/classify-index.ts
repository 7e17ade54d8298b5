/**
 * `chinese-clip classify` of the images of an index: only the labels are embedded.
 */
import { embedClasses, labelImage } from "@chinese-clip/pipeline/zero-shot";
import { preprocessEvalText } from "@chinese-clip/tokenizer";
import type { CommandContext, OptionValues } from "../command.js";
import { filterOf } from "../input/filters.js";
import { formatLabels, labelRows } from "../reports/label-rows.js";
import type { LabelOutput } from "./label-output.js";
import { withIndex } from "./with-index.js";

/** How images are labelled. */
export interface Labelling {
  readonly labels: readonly string[];
  /** Labels for none of these. */
  readonly negatives: readonly string[];
  readonly templates: readonly string[];
  readonly threshold: number | undefined;
  readonly top: number;
}

/** @returns the exit code. */
export async function classifyIndex(values: OptionValues, context: CommandContext, how: Labelling, output: LabelOutput): Promise<number> {
  const { labels, negatives, templates, threshold, top } = how;
  const filter = filterOf(values);
  const { signal } = context;
  const isMoving = output.target !== undefined && output.target.move && !output.target.dryRun;
  return withIndex(values, context, !isMoving, async ({ index, openModel, below }) => {
    const clip = await openModel();
    const all = [...labels, ...negatives];
    const classes = await embedClasses(all, templates, (texts) => clip.embedText(texts, { signal }), { prepare: preprocessEvalText });
    const set = { labels: all, positives: labels.length, classes, logitScale: clip.model.logitScale };
    const files: string[] = [];
    for await (const { id } of index.store.list(filter)) files.push(index.fileOf(id));
    const print = context.json ? undefined : labelRows(files, set, below);
    for await (const { id, embedding } of index.store.scan(filter)) {
      signal.throwIfAborted();
      const [file, found] = [index.fileOf(id), labelImage(embedding, set, threshold, top)];
      if (print === undefined) below.print(formatLabels(file, found));
      else print(file, found);
      output.add(file, found, id);
    }
    return output.finish(labels, below, index);
  });
}
