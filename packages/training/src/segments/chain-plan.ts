/** What is computed of a tower in segments: its graphs, and the shapes of what is kept between them. */
import type { Graph } from "@chinese-clip/model";
import { knownExtents } from "../gradient/inline-graph.js";
import type { EncodedTraining, Parameter } from "../graphs/training-graph.js";
import { cutTower, nameInBlock, type TowerSegment } from "./cut-tower.js";
import { segmentBackward, segmentForward, type SegmentTraining, type TowerExtents } from "./segment-graphs.js";

/** A segment's graphs. */
export interface SegmentPlan {
  readonly segment: TowerSegment;
  readonly forward: EncodedTraining;
  /** Back, with a first chunk's gradients. */
  readonly first: EncodedTraining;
  /** Back, with a later chunk's gradients, which are added; undefined where the batch is one chunk. */
  readonly others: EncodedTraining | undefined;
  /** Shape of a chunk's state; undefined for the tower's first segment. */
  readonly state: readonly number[] | undefined;
}

/** A tower in segments. */
export interface ChainPlan {
  readonly segments: readonly SegmentPlan[];
  /** Pairs of a batch. */
  readonly batch: number;
  /** Pairs that are computed at once. */
  readonly chunk: number;
}

/** Plans a tower. @param blocks - whether it is cut between its blocks; else it is one segment. */
export function planChain(
  graph: Graph,
  blocks: boolean,
  batch: number,
  extents: TowerExtents & { readonly batch: number },
  training: SegmentTraining = {},
): ChainPlan {
  const { batch: chunk } = extents;
  const segments = cutTower(graph, blocks).map((segment) => ({
    segment,
    forward: segmentForward(segment, extents, training),
    first: segmentBackward(segment, extents, false, training),
    others: chunk === batch ? undefined : segmentBackward(segment, extents, true, training),
    state: segment.state && knownExtents(segment.state.dims, extents),
  }));
  return { segments, batch, chunk };
}

/** A tower's parameters by their names in the checkpoint, and the names of those that are trained. */
export function parametersOf({ segments }: ChainPlan): { readonly parameters: readonly Parameter[]; readonly trained: readonly string[] } {
  const named = (list: readonly Parameter[], { block }: TowerSegment): Parameter[] =>
    list.map(({ name, dims }) => ({ name: nameInBlock(name, block), dims }));
  return {
    parameters: segments.flatMap(({ segment, first }) => named(first.parameters, segment)),
    trained: segments.flatMap(({ segment, first }) => named(first.trained, segment).map(({ name }) => name)),
  };
}
