import type { CreateSession } from "./session.js";

/** What a model is made of; no weight has been read yet. */
export interface ModelParts<Config, Graphs> {
  /** The configuration. */
  readonly config: Config;
  /** The graphs of the tower, or of both; their weights are references into the model's files. */
  readonly graphs: Graphs;
  /** How to run a graph on this platform. */
  readonly createSession: CreateSession;
}
