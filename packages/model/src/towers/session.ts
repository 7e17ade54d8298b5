/**
 * What the towers ask of a runtime. A platform package binds it to `onnxruntime-node` or `onnxruntime-web`.
 */
import type { Tensor } from "onnxruntime-common";
import type { TowerGraph } from "../graph/encode-graph.js";
import { WorkerError } from "./worker-error.js";

/** A graph loaded into a runtime. */
export interface GraphSession {
  /** Runs the graph once: input name -> tensor, to output name -> tensor. The feeds are read, never changed or detached. */
  run(feeds: Readonly<Record<string, Tensor>>): Promise<Readonly<Record<string, Tensor>>>;
  /** The maximum number of tokens in a run, where more at once cost more each. Absent: any number. */
  readonly maxTokensPerRun?: number | undefined;
  /** Releases the memory and threads; idempotent. */
  dispose(): Promise<void>;
}

/** A session, and which inputs its graph has. */
export interface ReadySession {
  readonly inputs: readonly string[];
  readonly session: GraphSession;
}

/** Encodes a graph for its target and loads it; the weights lie in the checkpoint files that it names, which the platform knows how to find. */
export type CreateSession = (graph: TowerGraph) => Promise<GraphSession>;

/** The sessions of one tower, one for each variant of its graph, made when first used. */
export class SessionPool {
  readonly #owner: string;
  readonly #createSession: CreateSession;
  readonly #sessions: Map<string, { readonly inputs: readonly string[]; readonly session: Promise<GraphSession> }> = new Map();
  #disposed = false;

  constructor(owner: string, createSession: CreateSession) {
    this.#owner = owner;
    this.#createSession = createSession;
  }

  /** The session of the variant `key`, made on first use. One that could not be made is tried again by the next call. */
  async ready(key: string, build: () => TowerGraph): Promise<ReadySession> {
    if (this.#disposed) throw new WorkerError("disposed", `${this.#owner}: expected a live model, but dispose was called`);
    let variant = this.#sessions.get(key);
    if (variant === undefined) {
      const graph = build();
      variant = { inputs: graph.inputs, session: this.#createSession(graph) };
      this.#sessions.set(key, variant);
      variant.session.catch(() => this.#sessions.delete(key));
    }
    return { inputs: variant.inputs, session: await variant.session };
  }

  /** Releases every session; idempotent. Calls after it reject. */
  async dispose(): Promise<void> {
    this.#disposed = true;
    const sessions = [...this.#sessions.values()];
    this.#sessions.clear();
    await Promise.all(
      sessions.map(async (pending) => {
        const session = await pending.session.catch(() => undefined); // a session that failed to load holds nothing
        await session?.dispose();
      }),
    );
  }
}
