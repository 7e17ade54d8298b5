/**
 * A model whose towers compute in another number format than they are stored in. A tower's graph is laid out at once, since that takes names
 * and shapes only; its weights are converted by the platform, which keeps them, when the tower is first used.
 */
import {
  type Checkpoint,
  type CombinedOnnx,
  type CreateSession,
  type EncodedGraph,
  layOutTower,
  type TowerDtype,
  type TowerFile,
  type TowerName,
} from "@chinese-clip/model";
import { towerFileName } from "./model-file-names.js";
import type { Dtype, ModelFiles, Platform, PretrainedOptions } from "../platform.js";

const TOWERS: readonly TowerName[] = ["text", "vision"];

/**
 * The towers of weights that are wanted in another number format than they are stored in; undefined where there is nothing to gain by it.
 *
 * @param stored - their number format: `fp32` of all that are in floating point.
 * @throws RangeError - weights that have been quantised, or that an export holds, cannot be had in another number format.
 */
export async function convertedTowers(
  platform: Pick<Platform<never>, "createSession" | "cacheTower">,
  files: ModelFiles,
  options: PretrainedOptions,
  weights: Checkpoint | CombinedOnnx,
  stored: Dtype,
  dtype: Dtype,
): Promise<ConvertedTowers | undefined> {
  const isExport = !("tensors" in weights);
  if (isExport || stored !== "fp32" || dtype === "fp32") {
    throw new RangeError(
      `fromPretrained: ${files.source}: expected dtype ${stored}, which is what the model's ${isExport ? "ONNX export" : "weights"} are in, got ${dtype}`,
    );
  }
  return dtype === "fp16" && isHalf(weights) ? undefined : ConvertedTowers.layOut(platform, files, options, weights, dtype);
}

/** Whether every matrix is in half precision. */
function isHalf({ tensors }: Checkpoint): boolean {
  return [...tensors.values()].every(
    ({ shape, dtype }) => shape.length < 2 || dtype === "F16" || dtype.startsWith("I") || dtype === "BOOL",
  );
}

/** The towers of one model in one number format. */
export class ConvertedTowers {
  readonly #platform: Pick<Platform<never>, "createSession" | "cacheTower">;
  readonly #files: ModelFiles;
  readonly #options: PretrainedOptions;
  readonly #checkpoint: Checkpoint;
  readonly #dtype: TowerDtype;
  readonly #towers: ReadonlyMap<TowerName, TowerFile>;

  private constructor(
    platform: Pick<Platform<never>, "createSession" | "cacheTower">,
    files: ModelFiles,
    options: PretrainedOptions,
    checkpoint: Checkpoint,
    dtype: TowerDtype,
    towers: ReadonlyMap<TowerName, TowerFile>,
  ) {
    this.#platform = platform;
    this.#files = files;
    this.#options = options;
    this.#checkpoint = checkpoint;
    this.#dtype = dtype;
    this.#towers = towers;
  }

  /** Lays both towers out; nothing is converted yet. */
  static async layOut(
    platform: Pick<Platform<never>, "createSession" | "cacheTower">,
    files: ModelFiles,
    options: PretrainedOptions,
    checkpoint: Checkpoint,
    dtype: TowerDtype,
  ): Promise<ConvertedTowers> {
    const towers = new Map<TowerName, TowerFile>();
    for (const tower of TOWERS) towers.set(tower, await layOutTower(checkpoint, tower, dtype, towerFileName(tower, dtype)));
    return new ConvertedTowers(platform, files, options, checkpoint, dtype, towers);
  }

  /**
   * A graph of one tower as it will be.
   *
   * @param build - builds the graph. It is tried on the weights as they are, whose errors name what the user has.
   */
  graph(tower: TowerName, build: (checkpoint: Checkpoint) => EncodedGraph): EncodedGraph {
    const graph = build(this.#checkpoint);
    const file = this.#towers.get(tower);
    return file === undefined ? graph : build(file.checkpoint);
  }

  /** Loads a graph of {@link ConvertedTowers.graph}; its weights are converted first, unless the platform has them. */
  readonly createSession: CreateSession = async (graph) => {
    for (const [tower, file] of this.#towers) {
      if (!graph.files.includes(file.name)) continue;
      const conversion = { checkpoint: this.#checkpoint, tower, dtype: this.#dtype, file };
      return this.#platform.createSession(graph, await this.#platform.cacheTower(conversion, this.#files, this.#options), this.#options);
    }
    return this.#platform.createSession(graph, this.#files, this.#options);
  };
}
