import type { Tensor } from "onnxruntime-common";
import { CheckpointError } from "../checkpoint-error.js";
import type { TowerOutputs } from "../tower-outputs.js";

/** Which inner states a forward pass returns besides the last. */
export interface StateOptions {
  /** Also the embeddings' and every layer's states. Default false. */
  readonly outputHiddenStates?: boolean;
  /** Also every layer's attention probabilities. Default false. */
  readonly outputAttentions?: boolean;
}

/** A tower's states. L is the number of tokens (of an image: its patches and the class token), D the tower's hidden size. */
export interface TowerStates {
  /** float32 `[B, L, D]`: every token's state after the last layer (of an image: before the last LayerNorm). */
  readonly lastHiddenState: Tensor;
  /**
   * float32 `[B, D]`. For an image, the class token after the last LayerNorm; for a text, the checkpoint's pooler applied to the
   * class token, or the class token's state where there is no pooler, as in the published checkpoints.
   */
  readonly poolerOutput: Tensor;
  /** float32 `[B, L, D]` each: the embeddings, then after every layer. Only with `outputHiddenStates`. */
  readonly hiddenStates?: readonly Tensor[];
  /** float32 `[B, heads, L, L]` each: every layer's attention probabilities. Only with `outputAttentions`. */
  readonly attentions?: readonly Tensor[];
}

/** What a graph is asked for by these options. */
export function wantedStates({ outputHiddenStates = false, outputAttentions = false }: StateOptions): TowerOutputs {
  return { kind: "states", hiddenStates: outputHiddenStates, attentions: outputAttentions };
}

/** Sorts a graph's outputs into a tower's states. */
export function towerStates(outputs: Readonly<Record<string, Tensor>>, options: StateOptions): TowerStates {
  const numbered = (prefix: string): Tensor[] => {
    const found: Tensor[] = [];
    for (let tensor = outputs[`${prefix}.0`]; tensor !== undefined; tensor = outputs[`${prefix}.${found.length}`]) found.push(tensor);
    return found;
  };
  return {
    lastHiddenState: outputTensor(outputs, "last_hidden_state"),
    poolerOutput: outputTensor(outputs, "pooler_output"),
    ...(options.outputHiddenStates === true ? { hiddenStates: numbered("hidden_states") } : {}),
    ...(options.outputAttentions === true ? { attentions: numbered("attentions") } : {}),
  };
}

/** One output of a graph by name. */
export function outputTensor(outputs: Readonly<Record<string, Tensor>>, name: string): Tensor {
  const tensor = outputs[name];
  if (tensor === undefined)
    throw new CheckpointError("malformed", `session: expected an output ${name}, got ${Object.keys(outputs).join(", ")}`, { output: name });
  return tensor;
}
