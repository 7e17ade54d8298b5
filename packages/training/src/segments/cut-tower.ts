/**
 * A tower's graph in segments that run one after the other, so that one of them is alive at a time (Chen et al., 2016, "Training Deep Nets with
 * Sublinear Memory Cost"): what is before the first block, each block, and the last block with what follows it. Equal blocks differ in their
 * parameters' names only, so one session serves them all.
 */
import type { Graph, Node, Value } from "@chinese-clip/model";

/** A part of a tower's graph, as a graph of its own. */
export interface TowerSegment {
  /** Inputs: those of the tower's inputs that it takes. Output: `result`. */
  readonly graph: Graph;
  /** The value of the segment before that it begins with; undefined for the first one. */
  readonly state: Value | undefined;
  /** What it gives: the next one's state, or the tower's features. */
  readonly result: Value;
  /** The block that it is, by the number in its parameters' names; undefined for what has none, or several. */
  readonly block: number | undefined;
}

/** The one output of a segment's graph. */
export const RESULT = "result";

/** A parameter, or an input, of a numbered block. */
const BLOCK = /(\.encoder\.layers?\.)(\d+)(?=\.)/u;

/** What a tensor of a block is called in the graph that all blocks share: without the block's number. */
export function commonName(name: string, block: number | undefined): string {
  return block === undefined ? name : name.replace(BLOCK, "$1*");
}

/** The tensor that a {@link commonName} stands for in a block. */
export function nameInBlock(name: string, block: number | undefined): string {
  return name.replace(/(?<=\.encoder\.layers?\.)\*(?=\.)/u, String(block));
}

/**
 * Cuts a tower's graph between its blocks, where one value goes from what is before to what is behind.
 *
 * @param graph - a tower with one output, its features.
 * @param blocks - false: one segment, the whole tower.
 * @returns one segment, too, where the tower has fewer than two numbered blocks, as a ResNet has.
 */
export function cutTower(graph: Graph, blocks: boolean): readonly TowerSegment[] {
  const { nodes } = graph;
  const result = nodes.find(({ outputs }) => graph.outputs.includes(outputs[0] ?? ""));
  const features = graph.values.get(result?.inputs[0] ?? "");
  if (features === undefined || graph.outputs.length !== 1)
    throw new TypeError(`cutTower: expected a graph with one output, got ${graph.outputs.join(", ")}`);
  const isShape = ({ outputs: [first = ""] }: Node): boolean => graph.values.get(first)?.content !== undefined;
  const steps = nodes.filter((node) => node !== result && !isShape(node)); // a known shape is a constant wherever it is taken
  const free = freeValues(graph, steps);
  const cuts = blocks ? blockEnds(graph, steps).map((end) => firstCut(graph, steps, free, end)) : [];
  return [undefined, ...cuts].map((start, i) => {
    const end = cuts[i];
    const own = steps.slice(start?.at ?? 0, end?.at ?? steps.length);
    const given = end?.value ?? features;
    return {
      graph: segmentGraph(graph, withFree(own, steps, free, start?.value), given),
      state: start?.value,
      result: given,
      block: cuts.length === 0 ? undefined : blockOf(own),
    };
  });
}

/** A place between two steps, and the value that goes over it. */
interface Cut {
  readonly at: number;
  readonly value: Value;
}

/** For what is before the first block and for each block but the last one, the place behind its last step with a parameter. */
function blockEnds({ parameters }: Graph, steps: readonly Node[]): number[] {
  const numbers = steps.map((step) => blockOf([step]));
  const last = Math.max(-1, ...numbers.map((number) => number ?? -1));
  if (last < 1) return [];
  const firstOfBlocks = numbers.findIndex((number) => number !== undefined);
  const before = steps.slice(0, firstOfBlocks).findLastIndex(({ inputs }) => inputs.some((name) => parameters.has(name)));
  return [before + 1, ...Array.from({ length: last }, (_, block) => numbers.lastIndexOf(block) + 1)];
}

/** The first place at or behind `from` that one value goes over. */
function firstCut({ values }: Graph, steps: readonly Node[], free: ReadonlySet<string>, from: number): Cut {
  for (let at = from; at < steps.length; at++) {
    const made = new Set(steps.slice(0, at).flatMap(({ outputs }) => outputs));
    const over = new Set(steps.slice(at).flatMap(({ inputs }) => inputs.filter((name) => made.has(name) && !free.has(name))));
    const [name = ""] = over;
    const value = values.get(name);
    if (over.size === 1 && value !== undefined) return { at, value };
  }
  throw new TypeError("cutTower: expected blocks with one value between them, got none");
}

/** What follows from inputs and constants without a parameter, such as a mask: each segment makes it for itself. */
function freeValues({ inputs, values, parameters, initializers }: Graph, steps: readonly Node[]): Set<string> {
  const free = new Set(["", ...inputs, ...initializers.keys()]);
  for (const [name, { content }] of values) if (content !== undefined) free.add(name);
  for (const { inputs: from, outputs } of steps) {
    if (from.every((name) => free.has(name) && !parameters.has(name))) for (const name of outputs) free.add(name);
  }
  return free;
}

/** A segment's steps, with those before it that make what it takes. */
function withFree(own: readonly Node[], steps: readonly Node[], free: ReadonlySet<string>, state: Value | undefined): Node[] {
  const chosen = new Set(own);
  const wanted = new Set(own.flatMap(({ inputs }) => inputs));
  for (const step of steps.toReversed()) {
    if (chosen.has(step)) continue;
    if (step.outputs.every((name) => name === state?.name || !wanted.has(name) || !free.has(name))) continue;
    chosen.add(step);
    for (const name of step.inputs) wanted.add(name);
  }
  return steps.filter((step) => chosen.has(step));
}

function segmentGraph(graph: Graph, own: readonly Node[], result: Value): Graph {
  const taken = new Set(own.flatMap(({ inputs }) => inputs));
  const end: Node = { opType: "Identity", domain: "", attributes: {}, inputs: [result.name], outputs: [RESULT] };
  return {
    ...graph,
    inputs: graph.inputs.filter((name) => taken.has(name)),
    outputs: [RESULT],
    nodes: [...own, end],
    values: new Map(graph.values).set(RESULT, { ...result, name: RESULT }),
  };
}

function blockOf(steps: readonly Node[]): number | undefined {
  for (const { inputs } of steps) {
    for (const name of inputs) {
      const [, , number] = BLOCK.exec(name) ?? [];
      if (number !== undefined) return Number(number);
    }
  }
  return undefined;
}
