/**
 * A model whose towers compute in another number format than they are stored in. A tower's graph is laid out at once, since that takes names
 * and shapes only; its weights are converted by the platform, which keeps them, when the tower is first used.
 */
import {
  type Checkpoint,
  type CreateSession,
  type EncodedGraph,
  layOutTower,
  type TowerDtype,
  type TowerFile,
  type TowerName,
} from "@chinese-clip/model";
import type { ModelFiles, Platform, PretrainedOptions } from "./platform.js";

const TOWERS: readonly TowerName[] = ["text", "vision"];

/** The towers of one model in one number format. */
export class ConvertedTowers {
  readonly #platform: Pick<Platform<never>, "createSession" | "keepTower">;
  readonly #files: ModelFiles;
  readonly #options: PretrainedOptions;
  readonly #checkpoint: Checkpoint;
  readonly #dtype: TowerDtype;
  readonly #towers: ReadonlyMap<TowerName, TowerFile>;

  private constructor(
    platform: Pick<Platform<never>, "createSession" | "keepTower">,
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
    platform: Pick<Platform<never>, "createSession" | "keepTower">,
    files: ModelFiles,
    options: PretrainedOptions,
    checkpoint: Checkpoint,
    dtype: TowerDtype,
  ): Promise<ConvertedTowers> {
    const towers = new Map<TowerName, TowerFile>();
    for (const tower of TOWERS) towers.set(tower, await layOutTower(checkpoint, tower, dtype, `${tower}.${dtype}.safetensors`));
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
      return this.#platform.createSession(graph, await this.#platform.keepTower(conversion, this.#files, this.#options), this.#options);
    }
    return this.#platform.createSession(graph, this.#files, this.#options);
  };
}
