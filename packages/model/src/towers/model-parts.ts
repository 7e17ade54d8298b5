import type { Checkpoint } from "../weights/checkpoint.js";
import type { CreateSession } from "./session.js";

/** What a model is made of; no weight has been read yet. */
export interface ModelParts<Config> {
  /** The configuration. */
  readonly config: Config;
  /** The tensors, by reference. */
  readonly checkpoint: Checkpoint;
  /** How to run a graph on this platform. */
  readonly createSession: CreateSession;
}
