import type { ExternalData } from "./ir.js";

/** A graph ready for a session. */
export interface EncodedGraph {
  /** The model as ONNX protobuf; weights are external data whose `location` is a checkpoint file's name. */
  readonly model: Uint8Array;
  /** The checkpoint files that the weights lie in. */
  readonly files: readonly string[];
  /** Names of the graph's inputs. */
  readonly inputs: readonly string[];
  /** Names of the graph's outputs. */
  readonly outputs: readonly string[];
  /** The model once more, with its weights at other places. */
  withExternalData(place: (weight: ExternalData) => ExternalData): Uint8Array;
}
