/**
 * A model whose towers compute in another dtype than they are stored in. A tower's graph is planned when the model loads, from names and shapes
 * only; the platform converts its weights when the tower is first used, and caches them.
 */
import { type Checkpoint, type CreateSession, type TowerDtype, type TowerGraph, type TowerName } from "@chinese-clip/model";
import type { OpenedExport } from "./open-combined-onnx.js";
import { planTower, type TowerFile } from "@chinese-clip/model/quantize";
import { towerFileName } from "./model-file-names.js";
import type { Dtype, ModelFiles, Platform, PretrainedOptions } from "../platform.js";

const TOWERS: readonly TowerName[] = ["text", "vision"];

/**
 * The towers of a model in another dtype than its weights are stored in; undefined where the conversion would change nothing.
 *
 * @param stored - the dtype of the weights: `fp32` for all floating-point types.
 * @throws RangeError - quantised weights and those of an ONNX export cannot be converted.
 */
export async function convertedTowers(
  platform: Pick<Platform<never>, "createSession" | "cacheTower" | "weightIntegers">,
  files: ModelFiles,
  options: PretrainedOptions,
  weights: Checkpoint | OpenedExport,
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

/** The towers of one model in one dtype. */
export class ConvertedTowers {
  readonly #platform: Pick<Platform<never>, "createSession" | "cacheTower" | "weightIntegers">;
  readonly #files: ModelFiles;
  readonly #options: PretrainedOptions;
  readonly #checkpoint: Checkpoint;
  readonly #dtype: TowerDtype;
  readonly #towers: ReadonlyMap<TowerName, TowerFile>;

  private constructor(
    platform: Pick<Platform<never>, "createSession" | "cacheTower" | "weightIntegers">,
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

  /** Plans both towers; nothing is converted yet. */
  static async layOut(
    platform: Pick<Platform<never>, "createSession" | "cacheTower" | "weightIntegers">,
    files: ModelFiles,
    options: PretrainedOptions,
    checkpoint: Checkpoint,
    dtype: TowerDtype,
  ): Promise<ConvertedTowers> {
    const towers = new Map<TowerName, TowerFile>();
    const integers = platform.weightIntegers?.(options);
    for (const tower of TOWERS) towers.set(tower, planTower(checkpoint, tower, dtype, towerFileName(tower, dtype), integers));
    return new ConvertedTowers(platform, files, options, checkpoint, dtype, towers);
  }

  /**
   * The graph of one tower after conversion.
   *
   * @param build - builds the graph. It is tried on the weights as they are, whose errors name what the user has.
   */
  graph(tower: TowerName, build: (checkpoint: Checkpoint) => TowerGraph): TowerGraph {
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
