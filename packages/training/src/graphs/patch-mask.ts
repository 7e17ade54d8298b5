/**
 * FLIP (Li et al., 2023) as cn_clip's `--mask-ratio`: a vision transformer sees some of an image's patches only, which makes a step as much faster. Which
 * ones is an input.
 */
import type { Dimension, Graph } from "@chinese-clip/model";
import { int } from "@chinese-clip/model/graph";
import { GraphRewrite } from "./graph-rewrite.js";

/** The input with the tokens that are seen: int64 `[batch, tokens, 1]`, 0 for the class token, which is the first, from 1 on for patches. */
export const SEEN_TOKENS = "seen_tokens";

const POSITIONS = "vision_model.embeddings.position_embedding.weight";

/**
 * An image tower's graph that sees some patches.
 *
 * @param ratio - share of the patches that are masked, in (0, 1).
 * @throws RangeError - a tower that is no vision transformer, or of which no patch is left.
 */
export function withPatchMask(graph: Graph, ratio: number): Graph {
  const [all = 0, D = 0] = graph.values.get(POSITIONS)?.dims.map(Number) ?? [];
  const seen = 1 + Math.floor((all - 1) * (1 - ratio));
  if (all === 0) throw new RangeError("maskRatio: expected a vision transformer, got a tower without patches");
  if (seen < 2) throw new RangeError(`maskRatio: expected to leave one of ${all - 1} patches, got ${ratio}`);
  const rewrite = new GraphRewrite(graph);
  const shorter = (dims: readonly Dimension[]): readonly Dimension[] => {
    const [first, second] = dims;
    if (first === "batch" && second === all && dims.length === 3) return [first, seen, ...dims.slice(2)];
    return first === `${all}*batch` ? [`${seen}*batch`, ...dims.slice(1)] : dims;
  };
  let isBehind = false;
  return rewrite.rewrite((node) => {
    const { opType, inputs, outputs } = node;
    if (isBehind) {
      for (const name of outputs) {
        const value = rewrite.value(name);
        rewrite.reshape({ ...value, dims: shorter(value.dims), ...(value.content && { content: shorter(value.content) }) });
      }
    }
    if (opType !== "Add" || !inputs.includes(POSITIONS)) return undefined;
    isBehind = true;
    const tokens = rewrite.input(SEEN_TOKENS, "int64", ["batch", seen, 1]);
    const wide = rewrite.apply(`${SEEN_TOKENS}.wide`, "Expand", [tokens, rewrite.shape(["batch", seen, D])], { type: "int64", dims: ["batch", seen, D] }); // prettier-ignore
    const [output = ""] = outputs;
    const embedded = rewrite.value(output);
    rewrite.replace(output, rewrite.apply(`${SEEN_TOKENS}.states`, "GatherElements", [embedded, wide], { ...embedded, dims: wide.dims }, { axis: int(1) })); // prettier-ignore
    return undefined;
  });
}

/** How many tokens a graph of {@link withPatchMask} sees, and of how many. */
export function seenTokens(graph: Graph): { readonly seen: number; readonly all: number } | undefined {
  const seen = graph.values.get(SEEN_TOKENS)?.dims[1];
  return seen === undefined ? undefined : { seen: Number(seen), all: Number(graph.values.get(POSITIONS)?.dims[0]) };
}
