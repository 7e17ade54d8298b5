/**
 * The text tower at work: checks what it is given, picks the graph for what is asked, runs it.
 */
import { Tensor } from "onnxruntime-common";
import type { ChineseCLIPTextConfig } from "../config/text-config.js";
import type { TowerOutputs } from "../tower-outputs.js";
import { type CreateSession, SessionPool } from "./session.js";
import type { TextGraphs } from "./tower-graphs.js";
import { type StateOptions, wantedStates } from "./tower-states.js";

/** Tokenized texts. */
export interface TextInputs {
  /** int64 `[B, L]`, each id below the vocabulary size, L at most the number of position embeddings. */
  readonly inputIds: Tensor;
  /** int64 `[B, L]`: 0 masks a token. Default: none is masked. */
  readonly attentionMask?: Tensor | undefined;
  /** int64 `[B, L]`: the segment of each token. Default: 0. */
  readonly tokenTypeIds?: Tensor | undefined;
}

/** The text tower's graphs and sessions. */
export class TextTower {
  readonly #config: ChineseCLIPTextConfig;
  readonly #graphs: TextGraphs;
  readonly #sessions: SessionPool;

  constructor(owner: string, config: ChineseCLIPTextConfig, graphs: TextGraphs, createSession: CreateSession) {
    this.#config = config;
    this.#graphs = graphs;
    this.#sessions = new SessionPool(owner, createSession);
  }

  /** Builds a graph without loading it, so that a checkpoint that does not fit is rejected at once. */
  check(outputs: TowerOutputs): void {
    this.#graphs.text(outputs);
  }

  /** Output `text_features`. */
  features(where: string, inputs: TextInputs): Promise<Readonly<Record<string, Tensor>>> {
    return this.#run(where, inputs, { kind: "features" });
  }

  /** Outputs `last_hidden_state`, `pooler_output`, `text_features` where there is a projection, and the states asked for. */
  states(where: string, inputs: TextInputs, options: StateOptions): Promise<Readonly<Record<string, Tensor>>> {
    return this.#run(where, inputs, wantedStates(options));
  }

  dispose(): Promise<void> {
    return this.#sessions.dispose();
  }

  async #run(
    where: string,
    { inputIds, attentionMask, tokenTypeIds }: TextInputs,
    outputs: TowerOutputs,
  ): Promise<Readonly<Record<string, Tensor>>> {
    const { vocabSize, typeVocabSize, maxPositionEmbeddings } = this.#config;
    const [batch = 0, length = 0] = inputIds.dims;
    if (inputIds.dims.length !== 2 || batch < 1 || length < 1 || length > maxPositionEmbeddings) {
      throw new RangeError(
        `${where}: expected inputIds of shape [B >= 1, 1 <= L <= ${maxPositionEmbeddings}], got [${inputIds.dims.join(", ")}]`,
      );
    }
    checkIds(where, "inputIds", inputIds, inputIds.dims, vocabSize);
    if (attentionMask !== undefined) checkIds(where, "attentionMask", attentionMask, inputIds.dims);
    if (tokenTypeIds !== undefined) checkIds(where, "tokenTypeIds", tokenTypeIds, inputIds.dims, typeVocabSize);
    const { inputs, session } = await this.#sessions.ready(JSON.stringify(outputs), () => this.#graphs.text(outputs));
    const feeds: Record<string, Tensor> = { input_ids: inputIds };
    for (const [input, name, given, usual] of [
      ["attention_mask", "attentionMask", attentionMask, 1n],
      ["token_type_ids", "tokenTypeIds", tokenTypeIds, 0n],
    ] as const) {
      if (inputs.includes(input)) feeds[input] = given ?? filled(inputIds.dims, usual);
      else if (given !== undefined && given.data.some((value) => value !== usual))
        throw new RangeError(`${where}: expected ${name} of ${usual} only, for the model's ONNX export has no input ${input}`);
    }
    return session.run(feeds);
  }
}

function filled(dims: readonly number[], value: bigint): Tensor {
  return new Tensor("int64", new BigInt64Array(dims.reduce((a, b) => a * b, 1)).fill(value), dims);
}

function checkIds(where: string, name: string, { type, dims, data }: Tensor, shape: readonly number[], limit?: number): void {
  if (!(data instanceof BigInt64Array)) throw new TypeError(`${where}: expected ${name} of type int64, got ${type}`);
  if (dims.length !== shape.length || dims.some((size, axis) => size !== shape[axis])) {
    throw new RangeError(`${where}: expected ${name} of shape [${shape.join(", ")}] like inputIds, got [${dims.join(", ")}]`);
  }
  if (limit === undefined) return;
  const bound = BigInt(limit);
  const wrong = data.findIndex((id) => id < 0n || id >= bound);
  if (wrong >= 0) throw new RangeError(`${where}: expected every id of ${name} in [0, ${limit}), got ${data[wrong]} at index ${wrong}`);
}
