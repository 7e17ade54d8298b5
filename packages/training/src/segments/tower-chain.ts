/**
 * A tower in segments over the parameters' memory. From the way forward to the way back only the segments' states are kept, in the runtime's memory;
 * everything else is computed once more.
 */
import type { ResidentBindings, ResidentSession, ResidentTensor, TrainingRuntime } from "@chinese-clip/model";
import type { Tensor } from "onnxruntime-common";
import type { TrainingBatch } from "../data/rows.js";
import { earlierName, type EncodedTraining, gradientName, updatedName } from "../graphs/training-graph.js";
import type { ParameterMemory } from "../optimizer/parameter-memory.js";
import { createSlabs, paddedBytes, type Place } from "../optimizer/slabs.js";
import type { ChainPlan, SegmentPlan } from "./chain-plan.js";
import { commonName, nameInBlock, RESULT } from "./cut-tower.js";
import { STATE } from "./segment-graphs.js";

/** Sessions of graphs, one for all that are equal. What one of them needs while it runs is given back for the next. */
export class SharedSessions {
  readonly #runtime: TrainingRuntime;
  readonly #loaded: { readonly model: Uint8Array; readonly session: Promise<ResidentSession> }[] = [];

  constructor(runtime: TrainingRuntime) {
    this.#runtime = runtime;
  }

  /** A graph's session. */
  get({ model }: EncodedTraining): Promise<ResidentSession> {
    let found = this.#loaded.find((other) => isEqual(other.model, model));
    if (found === undefined) {
      found = { model, session: this.#runtime.createSession(model, { inputs: {}, outputs: {} }, false) };
      this.#loaded.push(found);
    }
    return found.session;
  }
}

/** Bytes of what is kept of a batch: the states of every chunk, and two gradients of a state, from which and to which a segment goes back. */
export function stateBytes(chains: readonly ChainPlan[]): { readonly states: number; readonly gradient: number } {
  const sizes = chains.flatMap(({ segments, batch, chunk }) =>
    segments.flatMap(({ state }) => (state === undefined ? [] : [{ bytes: paddedBytes(state), chunks: batch / chunk }])),
  );
  return {
    states: sizes.reduce((total, { bytes, chunks }) => total + bytes * chunks, 0),
    gradient: sizes.reduce((largest, { bytes }) => Math.max(largest, bytes), 0),
  };
}

/** A tower's way forward and back, chunk by chunk. */
export class TowerChain {
  readonly #plan: ChainPlan;
  readonly #memory: ParameterMemory;
  readonly #sessions: SharedSessions;
  /** The place of a segment's state, for each chunk. */
  readonly #states: readonly (readonly Place[])[];
  readonly #gradients: readonly [Place, Place];

  private constructor(
    plan: ChainPlan,
    memory: ParameterMemory,
    sessions: SharedSessions,
    states: readonly (readonly Place[])[],
    gradients: readonly [Place, Place],
  ) {
    this.#plan = plan;
    this.#memory = memory;
    this.#sessions = sessions;
    this.#states = states;
    this.#gradients = gradients;
  }

  /** Makes memory for the states of some towers, which are gone through one after the other. */
  static async createAll(runtime: TrainingRuntime, memory: ParameterMemory, plans: readonly ChainPlan[]): Promise<readonly TowerChain[]> {
    const sessions = new SharedSessions(runtime);
    const chunksOf = ({ batch, chunk }: ChainPlan): number => batch / chunk;
    const pieces = plans.flatMap((plan) =>
      plan.segments.flatMap(({ state }) => (state === undefined ? [] : Array.from({ length: chunksOf(plan) }, () => paddedBytes(state)))),
    );
    const { gradient } = stateBytes(plans);
    const [from, to, ...places] = await createSlabs(runtime, [gradient, gradient, ...pieces]);
    const none: Place = { memory: 0, byteOffset: 0 };
    return plans.map((plan) => {
      const states = plan.segments.map(({ state }) => (state === undefined ? [] : places.splice(0, chunksOf(plan))));
      return new TowerChain(plan, memory, sessions, states, [from ?? none, to ?? none]);
    });
  }

  /** A chunk's features. Its states are kept. @param inputs - the tower's, of the chunk. */
  async forward(inputs: TrainingBatch, chunk: number): Promise<Float32Array> {
    const { segments } = this.#plan;
    let features = new Float32Array();
    for (const [i, { segment, forward }] of segments.entries()) {
      const [state, next] = [this.#state(i, chunk), this.#state(i + 1, chunk)];
      const session = await this.#sessions.get(forward);
      const results = await session.run(this.#feeds(i, inputs), {
        inputs: { ...this.#parameters(forward, segment.block), ...named(STATE, state) },
        outputs: { ...named(RESULT, next), ...this.#statistics(forward, segment.block) },
      });
      if (next === undefined) features = (results[RESULT]?.data ?? features) as Float32Array<ArrayBuffer>;
    }
    return features;
  }

  /** Adds a chunk's gradients to those of the chunks before it; the first one's are written. Needs the chunk's states. @param gradient - of the features. */
  async backward(inputs: TrainingBatch, chunk: number, gradient: Tensor): Promise<void> {
    const { segments } = this.#plan;
    const lowest = segments.findIndex(({ first }) => first.trained.length > 0); // below it nothing is trained
    for (const [i, plan] of [...segments.entries()].slice(Math.max(lowest, 0)).toReversed()) {
      const graph = chunk === 0 ? plan.first : (plan.others ?? plan.first);
      const session = await this.#sessions.get(graph);
      const isLast = i === segments.length - 1;
      const feeds = { ...this.#feeds(i, inputs), ...(isLast ? { [gradientName(RESULT)]: gradient } : {}) };
      await session.run(feeds, this.#backBindings(i, plan, graph, chunk));
    }
  }

  #backBindings(i: number, { segment }: SegmentPlan, graph: EncodedTraining, chunk: number): ResidentBindings {
    const { block } = segment;
    const place = (name: string): ResidentTensor => this.#memory.tensor(nameInBlock(name, block), "gradient");
    const gradients = graph.trained.map(({ name }) => [name, place(name)] as const);
    const earlier = graph.accumulates ? gradients.map(([name, tensor]) => [earlierName(name), tensor]) : [];
    return {
      inputs: {
        ...this.#parameters(graph, block),
        ...(Object.fromEntries(earlier) as Record<string, ResidentTensor>),
        ...named(STATE, this.#state(i, chunk)),
        ...named(gradientName(RESULT), this.#gradient(i + 1)),
      },
      outputs: {
        ...Object.fromEntries(gradients.map(([name, tensor]) => [gradientName(name), tensor])),
        ...named(gradientName(STATE), this.#gradient(i)),
      },
    };
  }

  /** What a segment takes of the tower's inputs. */
  #feeds(i: number, inputs: TrainingBatch): TrainingBatch {
    const { graph, block } = this.#plan.segments[i]?.segment ?? {};
    const names = graph?.inputs ?? [];
    return Object.fromEntries(names.flatMap((name) => (inputs[name] === undefined ? [] : [[commonName(name, block), inputs[name]]])));
  }

  #parameters({ parameters }: EncodedTraining, block: number | undefined): Record<string, ResidentTensor> {
    return Object.fromEntries(parameters.map(({ name }) => [name, this.#memory.tensor(nameInBlock(name, block))]));
  }

  #statistics({ updated }: EncodedTraining, block: number | undefined): Record<string, ResidentTensor> {
    return Object.fromEntries(updated.map(({ name }) => [updatedName(name), this.#memory.tensor(nameInBlock(name, block))]));
  }

  /** What a segment begins with; undefined for the first one and behind the last one. */
  #state(i: number, chunk: number): ResidentTensor | undefined {
    const [place, dims] = [this.#states[i]?.[chunk], this.#plan.segments[i]?.state];
    return place && dims && { ...place, dims };
  }

  /** Where the gradient of a segment's state is, by turns. */
  #gradient(i: number): ResidentTensor | undefined {
    const dims = this.#plan.segments[i]?.state;
    return dims && { ...this.#gradients[i % 2 === 0 ? 0 : 1], dims };
  }
}

function named(name: string, tensor: ResidentTensor | undefined): Record<string, ResidentTensor> {
  return tensor === undefined ? {} : { [name]: tensor };
}

function isEqual(a: Uint8Array, b: Uint8Array): boolean {
  return a.length === b.length && a.every((byte, i) => byte === b[i]);
}
