/**
 * `chinese-clip classify` of the images of an index: only the labels are embedded, and by a few-shot classifier nothing but one small image.
 */
import type { CommandContext } from "../command.js";
import { filterOf } from "../input/filters.js";
import { formatLabels, labelRows } from "../reports/label-rows.js";
import type { LabelOutput } from "./label-output.js";
import type { OpenLabeller } from "./labeller.js";
import { withIndex } from "./with-index.js";
import type { OptionValues } from "../option.js";

/** @returns the exit code. */
export async function classifyIndex(
  values: OptionValues,
  context: CommandContext,
  openLabeller: OpenLabeller,
  output: LabelOutput,
): Promise<number> {
  const filter = filterOf(values);
  const { signal } = context;
  const isMoving = output.target !== undefined && output.target.move && !output.target.dryRun;
  return withIndex(values, context, !isMoving, async ({ index, openModel, below }) => {
    const labeller = await openLabeller(await openModel(), signal);
    const files: string[] = [];
    for await (const { id } of index.store.list(filter)) files.push(index.fileOf(id));
    const print = context.json ? undefined : labelRows(files, labeller.labels, below);
    for await (const { id, embedding } of index.store.scan(filter)) {
      signal.throwIfAborted();
      const [file, found] = [index.fileOf(id), labeller.label(embedding)];
      if (print === undefined) below.print(formatLabels(file, found));
      else print(file, found);
      output.add(file, found, id);
    }
    return output.finish(labeller.labels, below, index);
  });
}
