/**
 * Training steps on a runtime: forward, loss, backward, AdamW, with all weights staying in the runtime's memory. In one graph, or in chunks that see the
 * whole batch's loss.
 */
import type { Graph, ResidentSession, TrainingRuntime } from "@chinese-clip/model";
import { Tensor } from "onnxruntime-common";
import { FEATURES, featureGraph, lossGraph, LOGIT_SCALE, stepGraph, type StepExtents, towerStepGraph } from "../graphs/step-graphs.js";
import { earlierName, type EncodedTraining, gradientName, type Parameter } from "../graphs/training-graph.js";
import { AdamW, type AdamWSettings } from "../optimizer/adamw.js";
import { ParameterMemory } from "../optimizer/parameter-memory.js";

/** The largest logarithm of the scale: cn_clip keeps it in `[0, ln 100]`. */
const MAX_LOGIT_SCALE = 4.6052;

type Tower = "text" | "vision";

/** What is trained, and how. */
export interface EngineSettings extends StepExtents {
  /** The graphs for features of the towers that are trained; a missing tower is frozen, and its features come with each batch. */
  readonly towers: Partial<Record<Tower, Graph>>;
  /** Pairs of a chunk, which divides the batch; the whole batch by default. Fewer take less memory and more time, and give the same gradients. */
  readonly chunk?: number | undefined;
  /** AdamW's numbers. */
  readonly optimizer: AdamWSettings;
  /** Longest gradient; a longer one is scaled down to it. Default: any, as cn_clip. */
  readonly maxGradientNorm?: number | undefined;
}

/**
 * A batch by the names of the graph's inputs: `pixel_values` or, for a frozen tower, `image_features`; `input_ids`, `attention_mask`,
 * `token_type_ids` or `text_features`.
 */
export type TrainingBatch = Readonly<Record<string, Tensor>>;

/** What a batch gave. */
export interface BatchResult {
  /** The contrastive loss. */
  readonly loss: number;
  /** Share of the images whose most similar text in the batch is their own, 0 to 1. */
  readonly imageToText: number;
  /** Share of the texts whose most similar image in the batch is their own, 0 to 1. */
  readonly textToImage: number;
}

/** Loaded graphs over the parameters. */
interface Sessions {
  readonly step?: ResidentSession;
  readonly loss?: ResidentSession;
  readonly features: Partial<Record<Tower, ResidentSession>>;
  readonly first: Partial<Record<Tower, ResidentSession>>;
  readonly others: Partial<Record<Tower, ResidentSession>>;
}

/** Steps of training over one set of parameters. */
export class TrainingEngine {
  /** The parameters, with gradients and moments. */
  readonly memory: ParameterMemory;
  readonly #runtime: TrainingRuntime;
  readonly #settings: EngineSettings;
  readonly #sessions: Sessions;
  readonly #optimizer: AdamW;

  private constructor(runtime: TrainingRuntime, settings: EngineSettings, memory: ParameterMemory, sessions: Sessions) {
    this.#runtime = runtime;
    this.#settings = settings;
    this.memory = memory;
    this.#sessions = sessions;
    this.#optimizer = new AdamW(runtime, memory, settings.optimizer);
  }

  /**
   * Allocates the parameters and loads the graphs.
   *
   * @param initial - a parameter's values: the checkpoint's, or those of an interrupted run.
   * @throws RangeError - a chunk that does not divide the batch.
   */
  static async create(
    runtime: TrainingRuntime,
    settings: EngineSettings,
    initial: (parameter: Parameter) => Promise<Float32Array>,
  ): Promise<TrainingEngine> {
    const { batch, chunk = batch } = settings;
    if (!Number.isSafeInteger(chunk) || chunk < 1 || batch % chunk !== 0)
      throw new RangeError(`chunk: expected a divisor of the batch of ${batch}, got ${chunk}`);
    const graphs = buildGraphs(settings);
    const parameters = new Map(graphs.flatMap(({ encoded }) => encoded.parameters.map((parameter) => [parameter.name, parameter])));
    const trained = new Set(graphs.flatMap(({ encoded }) => encoded.trained.map(({ name }) => name)));
    const memory = await ParameterMemory.create(runtime, [...parameters.values()], trained);
    for (const parameter of parameters.values()) await memory.write(parameter.name, await initial(parameter));
    const sessions: Sessions = { features: {}, first: {}, others: {} };
    for (const { encoded, place } of graphs) place(sessions, await loadGraph(runtime, memory, encoded));
    return new TrainingEngine(runtime, settings, memory, sessions);
  }

  /** The loss of a batch, and its gradients in {@link TrainingEngine.memory}. */
  async gradients(batch: TrainingBatch): Promise<BatchResult> {
    return this.#sessions.step === undefined ? this.#inChunks(batch) : resultOf(await this.#sessions.step.run(batch));
  }

  /** The length of the gradients as one vector. */
  gradientNorm(): Promise<number> {
    return this.#optimizer.gradientNorm();
  }

  /**
   * Moves the parameters by the gradients that are there, and clamps `logit_scale`.
   *
   * @param step - counted from 1.
   * @param norm - the gradients' length, if they are to be scaled down.
   */
  async update(step: number, learningRate: number, norm?: number): Promise<void> {
    const { maxGradientNorm = Number.POSITIVE_INFINITY } = this.#settings;
    if (norm !== undefined && norm > maxGradientNorm) await this.#optimizer.scaleGradients(maxGradientNorm / (norm + 1e-6));
    await this.#optimizer.step(step, learningRate);
    await this.#optimizer.clamp(LOGIT_SCALE, 0, MAX_LOGIT_SCALE);
  }

  /** The logarithm of the scale. */
  async logitScale(): Promise<number> {
    return (await this.memory.read(LOGIT_SCALE))[0] ?? Number.NaN;
  }

  /**
   * A trained tower's features, `[rows, E]`, with the parameters as they are.
   *
   * @param inputs - the tower's inputs, of any number of rows.
   */
  async features(kind: Tower, inputs: TrainingBatch): Promise<Float32Array> {
    const { batch, chunk = batch, projection, towers } = this.#settings;
    const graph = towers[kind];
    const [first] = Object.values(inputs);
    if (graph === undefined || first === undefined) throw new TypeError(`features: expected the inputs of a trained tower, got ${kind}`);
    const session = (this.#sessions.features[kind] ??= await loadGraph(
      this.#runtime,
      this.memory,
      featureGraph(kind, graph, { ...this.#settings, batch: chunk }),
    ));
    const rows = first.dims[0] ?? 0;
    const all = new Float32Array(rows * projection);
    for (let start = 0; start < rows; start += chunk) {
      const count = Math.min(chunk, rows - start);
      const part = graph.inputs.map((name) => [name, padRows(rowsOf(inputs[name], start, count), chunk)]);
      const results = await session.run(Object.fromEntries(part) as TrainingBatch);
      const features = valuesOf(results, FEATURES[kind]);
      all.set(features.subarray(0, count * projection), start * projection);
    }
    return all;
  }

  /** Features of the towers first, then the loss, then each chunk once more with its gradients. */
  async #inChunks(batch: TrainingBatch): Promise<BatchResult> {
    const { projection, batch: B, chunk = B } = this.#settings;
    const { features: forward, first, others, loss } = this.#sessions;
    const kinds = (["vision", "text"] as const).filter((kind) => this.#settings.towers[kind] !== undefined);
    const starts = Array.from({ length: B / chunk }, (_, i) => i * chunk);
    const feeds: Record<string, Tensor> = {};
    for (const kind of kinds) {
      const all = new Float32Array(B * projection);
      for (const start of starts) {
        const results = await forward[kind]?.run(this.#rows(batch, kind, start, chunk));
        all.set(results?.[FEATURES[kind]]?.data as Float32Array, start * projection);
      }
      feeds[FEATURES[kind]] = new Tensor("float32", all, [B, projection]);
    }
    for (const name of Object.values(FEATURES)) if (batch[name] !== undefined) feeds[name] = batch[name];
    const results = (await loss?.run(feeds)) ?? {};
    for (const kind of kinds) {
      const name = gradientName(FEATURES[kind]);
      for (const start of starts) {
        const gradient = rowsOf(results[name], start, chunk);
        await (start === 0 ? first : others)[kind]?.run({ ...this.#rows(batch, kind, start, chunk), [name]: gradient });
      }
    }
    return resultOf(results);
  }

  #rows(batch: TrainingBatch, kind: Tower, start: number, count: number): TrainingBatch {
    const inputs = this.#settings.towers[kind]?.inputs ?? [];
    return Object.fromEntries(inputs.map((name) => [name, rowsOf(batch[name], start, count)]));
  }
}

interface PlacedGraph {
  readonly encoded: EncodedTraining;
  readonly place: (sessions: Sessions, session: ResidentSession) => void;
}

function buildGraphs(settings: EngineSettings): PlacedGraph[] {
  const { towers, batch, chunk = batch } = settings;
  if (chunk === batch) {
    return [{ encoded: stepGraph(towers, settings), place: (sessions, session) => Object.assign(sessions, { step: session }) }];
  }
  const kinds = (["vision", "text"] as const).filter((kind) => towers[kind] !== undefined);
  const graphs: PlacedGraph[] = [
    { encoded: lossGraph(kinds, settings), place: (sessions, session) => Object.assign(sessions, { loss: session }) },
  ];
  const extents = { ...settings, batch: chunk };
  for (const kind of kinds) {
    const graph = towers[kind];
    if (graph === undefined) continue;
    graphs.push(
      { encoded: featureGraph(kind, graph, extents), place: ({ features }, session) => (features[kind] = session) },
      { encoded: towerStepGraph(kind, graph, extents, false), place: ({ first }, session) => (first[kind] = session) },
      { encoded: towerStepGraph(kind, graph, extents, true), place: ({ others }, session) => (others[kind] = session) },
    );
  }
  return graphs;
}

/** A session whose parameters and gradients lie in the memory. */
function loadGraph(
  runtime: TrainingRuntime,
  memory: ParameterMemory,
  { model, parameters, trained, accumulates }: EncodedTraining,
): Promise<ResidentSession> {
  const gradients = trained.map(({ name }) => [name, memory.tensor(name, "gradient")] as const);
  const outputs = Object.fromEntries(gradients.map(([name, tensor]) => [gradientName(name), tensor]));
  const earlier = accumulates ? gradients.map(([name, tensor]) => [earlierName(name), tensor] as const) : [];
  const inputs = Object.fromEntries([...parameters.map(({ name }) => [name, memory.tensor(name)] as const), ...earlier]);
  return runtime.createSession(model, { inputs, outputs });
}

function resultOf(outputs: Readonly<Record<string, Tensor>>): BatchResult {
  const share = (name: string): number => {
    const rows = valuesOf(outputs, name);
    return rows.reduce((count, row, i) => count + (row === i ? 1 : 0), 0) / rows.length;
  };
  const [loss = Number.NaN] = valuesOf(outputs, "loss");
  return { loss, imageToText: share("text_of_image"), textToImage: share("image_of_text") };
}

function valuesOf(outputs: Readonly<Record<string, Tensor>>, name: string): Float32Array {
  return (outputs[name]?.data ?? new Float32Array()) as Float32Array;
}

/** Rows of a tensor along its first axis; a view. */
function rowsOf(tensor: Tensor | undefined, start: number, count: number): Tensor {
  if (tensor === undefined) throw new TypeError("training: expected every input of the towers in the batch");
  const [all = 1, ...dims] = tensor.dims;
  const data = tensor.data as Float32Array | BigInt64Array;
  const row = data.length / all;
  return new Tensor(tensor.type, data.subarray(start * row, (start + count) * row), [count, ...dims]);
}

/** So many rows, the last ones of zeros. */
function padRows(tensor: Tensor, rows: number): Tensor {
  const [count = 0, ...dims] = tensor.dims;
  if (count === rows) return tensor;
  const data = tensor.data as Float32Array | BigInt64Array;
  const length = (data.length / count) * rows;
  if (data instanceof BigInt64Array) {
    const padded = new BigInt64Array(length);
    padded.set(data);
    return new Tensor("int64", padded, [rows, ...dims]);
  }
  const padded = new Float32Array(length);
  padded.set(data);
  return new Tensor("float32", padded, [rows, ...dims]);
}
