/**
 * `chinese-clip similar`: the images of an index that are nearest to an image. One that is in the index needs no model.
 */
import { realpath, stat } from "node:fs/promises";
import { sep } from "node:path";
import type { ImageIndex } from "@chinese-clip/dataset";
import type { Command } from "../command.js";
import { filterOf, FILTER_OPTION } from "../input/filters.js";
import { INDEX_OPTION } from "../input/index-path.js";
import { embedQueryImage } from "./embed-query.js";
import { HUB_OPTIONS, MODEL_OPTION, RUN_OPTIONS } from "./loading-options.js";
import { cutHits, HIT_OPTIONS, hitOutputOf, indexHits, printHits } from "./print-hits.js";
import { withIndex } from "./with-index.js";
import { oneOperand, stringValue } from "../option.js";

/** The command. */
export const similar: Command = {
  operands: "<image>",
  options: { ...INDEX_OPTION, ...FILTER_OPTION, ...HIT_OPTIONS, ...MODEL_OPTION, ...RUN_OPTIONS, ...HUB_OPTIONS },
  examples: ["photos/cat.jpg", "photos/cat.jpg --index photos.index --top 20 --html similar.html"],

  async run(values, context, operands) {
    const file = oneOperand(operands, { en: "an image", zh: "一张图片" });
    const output = hitOutputOf(values, context);
    const filter = filterOf(values);
    const { top, minScore, target } = output;
    const isMoving = target !== undefined && target.move && !target.dryRun;
    return withIndex(values, context, !isMoving, async ({ index, openModel, below }) => {
      const known = await indexedImage(index, file);
      const vector = known?.embedding ?? (await embedQueryImage(file, await openModel(), context.signal));
      // The image itself is no answer.
      const found = await index.store.search({ vector, top: top + 1, minScore, filter });
      const others = found.filter(({ id }) => id !== known?.id).slice(0, top);
      const model = stringValue(values, "model") ?? index.settings.model;
      return printHits(cutHits(indexHits(index, others), output), { query: `@${file}`, source: index.path, model, index }, output, below);
    });
  },
};

/** The item of an image that has not changed since it was embedded. */
async function indexedImage(
  index: ImageIndex,
  file: string,
): Promise<{ readonly id: string; readonly embedding: Float32Array } | undefined> {
  const [path, found] = await Promise.all([realpath(file).catch(() => undefined), stat(file).catch(() => undefined)]);
  if (path === undefined || found === undefined) return undefined;
  const [item] = await index.store.get([sep === "/" ? path : path.replaceAll(sep, "/")]);
  return item?.meta.size === found.size && item.meta.mtime === found.mtimeMs ? item : undefined;
}
