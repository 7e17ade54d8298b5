/**
 * `chinese-clip search` in an image index: nothing is embedded but the query.
 */
import { combine, type QueryPart } from "@chinese-clip/search";
import type { CommandContext } from "../command.js";
import { filterOf } from "../input/filters.js";
import { embedParts } from "./embed-query.js";
import { cutHits, type HitOutput, indexHits, printHits } from "./print-hits.js";
import { readQuery } from "./query-problem.js";
import { withIndex } from "./with-index.js";
import { type OptionValues, stringValue } from "../option.js";

/** @returns the exit code. */
export async function searchIndex(
  values: OptionValues,
  context: CommandContext,
  { query, parts }: { readonly query: string; readonly parts: readonly QueryPart[] },
  output: HitOutput,
): Promise<number> {
  const filter = filterOf(values);
  const { top, minScore, target } = output;
  const isMoving = target !== undefined && target.move && !target.dryRun;
  return withIndex(values, context, !isMoving, async ({ index, openModel, below }) => {
    const clip = await openModel();
    const embeddings = await embedParts(parts, clip, context.signal);
    const vector = readQuery(() => combine(parts, embeddings));
    const found = await index.store.search({ vector, top, minScore, filter, fingerprint: clip.fingerprint });
    const hits = cutHits(indexHits(index, found), output);
    const model = stringValue(values, "model") ?? index.settings.model;
    return printHits(hits, { query, source: index.path, model, index }, output, below);
  });
}
