/** How a step's gradients are computed: in one graph, or in segments and chunks. */
import type { Graph, ResidentSession, TrainingRuntime } from "@chinese-clip/model";
import type { StepExtents } from "../graphs/step-graphs.js";
import { earlierName, type EncodedTraining, gradientName, type Parameter, updatedName } from "../graphs/training-graph.js";
import type { ParameterMemory } from "../optimizer/parameter-memory.js";
import type { BatchResult, TrainingBatch } from "../data/rows.js";

/** A half of the model. */
export type Tower = "text" | "vision";

/** Both, in the order in which they are gone through. */
export const TOWERS: readonly Tower[] = ["vision", "text"];

/** What is computed. */
export interface ComputationSettings extends StepExtents {
  /** The graphs for features of the towers that are trained; a missing tower is frozen, and its features come with each batch. */
  readonly towers: Partial<Record<Tower, Graph>>;
  /** Pairs that are computed at once; they divide the batch, which is the default. Fewer take less memory and more time, and give the same gradients. */
  readonly chunk?: number | undefined;
  /** Whether a tower's blocks are computed one by one, with one block's activations alive, and once more on the way back. Default: not. */
  readonly blocks?: boolean | undefined;
}

/** What a step takes beside the parameters, in bytes. */
export interface WorkingMemory {
  /** What is kept from the way forward to the way back, in the runtime's memory. */
  readonly states: number;
  /** Graphs that are loaded. */
  readonly graphs: number;
  /** The most that is alive at a time while one graph runs. */
  readonly live: number;
  /** Whether the runtime keeps it allocated between runs. */
  readonly isKept: boolean;
}

/** Graphs that give a step's gradients, before they are loaded. */
export interface PlannedComputation {
  readonly parameters: readonly Parameter[];
  /** Names of those that are trained. */
  readonly trained: readonly string[];
  /** What they take beside the parameters. */
  readonly memory: WorkingMemory;
  /** Loads them over the parameters. */
  load(runtime: TrainingRuntime, memory: ParameterMemory): Promise<StepComputation>;
}

/** The same, loaded. */
export interface StepComputation {
  /** Writes a batch's gradients to the parameters' memory. */
  gradients(batch: TrainingBatch): Promise<BatchResult>;
  /** A trained tower's features of as many items as a chunk has. */
  features(kind: Tower, inputs: TrainingBatch): Promise<Float32Array>;
}

/** A session whose parameters and gradients lie in the memory. @param part - what it takes of those that are trained. */
export function loadGraph(
  runtime: TrainingRuntime,
  memory: ParameterMemory,
  { model, parameters, trained, updated, accumulates }: EncodedTraining,
  part: "parameter" | "average" = "parameter",
): Promise<ResidentSession> {
  const gradients = trained.map(({ name }) => [name, memory.tensor(name, "gradient")] as const);
  const outputs = Object.fromEntries([
    ...gradients.map(([name, tensor]) => [gradientName(name), tensor] as const),
    ...updated.map(({ name }) => [updatedName(name), memory.tensor(name)] as const),
  ]);
  const earlier = accumulates ? gradients.map(([name, tensor]) => [earlierName(name), tensor] as const) : [];
  const inputs = Object.fromEntries([
    ...parameters.map(({ name }) => [name, memory.tensor(name, memory.isTrained(name) ? part : "parameter")] as const),
    ...earlier,
  ]);
  return runtime.createSession(model, { inputs, outputs });
}
