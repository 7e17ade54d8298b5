/**
 * The two graphs of a segment: from its state to its result, and from the gradient of the result back, which computes the segment once more.
 * Parameters have their common name, so that equal blocks have equal graphs.
 */
import type { Value } from "@chinese-clip/model";
import { knownExtents } from "../gradient/inline-graph.js";
import { gradientName, type EncodedTraining, TrainingGraph } from "../graphs/training-graph.js";
import { commonName, RESULT, type TowerSegment } from "./cut-tower.js";

/** The input that a segment begins with, where it is not a tower's first. */
export const STATE = "state";

/** The numbers that a tower's extents stand for. */
export type TowerExtents = Readonly<Record<string, number>>;

/** Which parameters of a segment are trained, and how its batch norms work. */
export interface SegmentTraining {
  /** By their common name; by default all. */
  readonly trains?: ((parameter: string) => boolean) | undefined;
  /** As `StepExtents` has it. */
  readonly batchStatistics?: boolean | undefined;
}

/** The way forward. Output: `result`, and running statistics that move. */
export function segmentForward(segment: TowerSegment, extents: TowerExtents, { batchStatistics }: SegmentTraining = {}): EncodedTraining {
  const training = new TrainingGraph("segment");
  training.builder.output(RESULT, addSegment(training, segment, extents, batchStatistics).result);
  training.updateStatistics();
  return training.encode();
}

/**
 * The way back. Input: `gradient.result`; outputs: the gradients of the parameters and, where there is a state, `gradient.state`.
 *
 * @param accumulate - whether the parameters' gradients are added to those of earlier chunks.
 */
export function segmentBackward(
  segment: TowerSegment,
  extents: TowerExtents,
  accumulate: boolean,
  { trains, batchStatistics }: SegmentTraining = {},
): EncodedTraining {
  const training = new TrainingGraph("segment back", trains);
  const gradient = training.input(gradientName(RESULT), "float32", knownExtents(segment.result.dims, extents));
  const { state, result } = addSegment(training, segment, extents, batchStatistics);
  training.gradients([{ result, gradient }], state === undefined ? [] : [state], accumulate);
  return training.encode();
}

function addSegment(
  training: TrainingGraph,
  { graph, state, block }: TowerSegment,
  extents: TowerExtents,
  batchStatistics = false,
): { readonly state: Value | undefined; readonly result: Value } {
  const nameOf = (name: string): string => commonName(name, block);
  const input = (name: string, { type, dims }: Value): Value => training.input(name, type, knownExtents(dims, extents));
  const inputs: Record<string, Value> = {};
  for (const name of graph.inputs) {
    const value = graph.values.get(name);
    if (value !== undefined) inputs[name] = input(nameOf(name), value);
  }
  const before = state && input(STATE, state);
  if (state !== undefined && before !== undefined) inputs[state.name] = before;
  const result = training.tower(graph, extents, inputs, nameOf, batchStatistics)[RESULT];
  if (result === undefined) throw new TypeError(`segment: expected an output ${RESULT}, got ${graph.outputs.join(", ")}`);
  return { state: before, result };
}
