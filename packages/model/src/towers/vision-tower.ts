/**
 * The image tower at work: checks what it is given, picks the graph for what is asked, runs it.
 */
import type { Tensor } from "onnxruntime-common";
import type { VisionConfig } from "../config/parse-vision-config.js";
import type { TowerOutputs } from "../tower-outputs.js";
import { type CreateSession, SessionPool } from "./session.js";
import type { VisionGraphs } from "./tower-graphs.js";
import { type StateOptions, wantedStates } from "./tower-states.js";

/** Pixels to a position of a ResNet's last layer, each way. */
const RESNET_STRIDE = 32;

/** Preprocessed images. */
export interface ImageInputs {
  /** float32 `[B, C, H, W]`, normalised; H and W are the configuration's image size unless `interpolatePosEncoding` is set. */
  readonly pixelValues: Tensor;
  /**
   * Accept any H and W of at least one patch, and resize the position embedding to match. Pixels beyond the last whole patch
   * are not seen, as in transformers. Default false.
   */
  readonly interpolatePosEncoding?: boolean | undefined;
}

/** The image tower's graphs and sessions. */
export class VisionTower {
  readonly #config: VisionConfig;
  readonly #graphs: VisionGraphs;
  readonly #sessions: SessionPool;

  constructor(owner: string, config: VisionConfig, graphs: VisionGraphs, createSession: CreateSession) {
    this.#config = config;
    this.#graphs = graphs;
    this.#sessions = new SessionPool(owner, createSession);
  }

  /** Builds a graph without loading it, so that a checkpoint that does not fit is rejected at once. */
  check(outputs: TowerOutputs): void {
    this.#graphs.vision(outputs, false);
  }

  /** Output `image_features`. */
  features(where: string, inputs: ImageInputs): Promise<Readonly<Record<string, Tensor>>> {
    return this.#run(where, inputs, { kind: "features" });
  }

  /** Outputs `last_hidden_state`, `pooler_output`, `image_features` where there is a projection, and the states asked for. */
  states(where: string, inputs: ImageInputs, options: StateOptions): Promise<Readonly<Record<string, Tensor>>> {
    return this.#run(where, inputs, wantedStates(options));
  }

  dispose(): Promise<void> {
    return this.#sessions.dispose();
  }

  async #run(
    where: string,
    { pixelValues, interpolatePosEncoding = false }: ImageInputs,
    outputs: TowerOutputs,
  ): Promise<Readonly<Record<string, Tensor>>> {
    const { kind, numChannels, imageSize } = this.#config;
    if (
      kind === "modifiedResNet" &&
      (interpolatePosEncoding || (outputs.kind === "states" && (outputs.hiddenStates || outputs.attentions)))
    ) {
      throw new RangeError(
        `${where}: expected no interpolatePosEncoding, outputHiddenStates or outputAttentions, for the image tower is a ResNet`,
      );
    }
    if (!(pixelValues.data instanceof Float32Array))
      throw new TypeError(`${where}: expected pixelValues of type float32, got ${pixelValues.type}`);
    const [batch = 0, channels, height = 0, width = 0] = pixelValues.dims;
    const least = interpolatePosEncoding && kind === "visionTransformer" ? this.#config.patchSize : undefined;
    const sized = least === undefined ? height === imageSize && width === imageSize : height >= least && width >= least;
    if (pixelValues.dims.length !== 4 || batch < 1 || channels !== numChannels || !sized) {
      const size =
        least === undefined ? `${imageSize}, ${imageSize}] (another size needs interpolatePosEncoding)` : `H >= ${least}, W >= ${least}]`;
      throw new RangeError(
        `${where}: expected pixelValues of shape [B >= 1, ${numChannels}, ${size}, got [${pixelValues.dims.join(", ")}]`,
      );
    }
    // At the trained size the interpolation would change nothing, so it is left out.
    const interpolate = interpolatePosEncoding && !(height === imageSize && width === imageSize);
    const { session } = await this.#sessions.ready(JSON.stringify([outputs, interpolate]), () => this.#graphs.vision(outputs, interpolate));
    // A browser's session takes any batch whole.
    if (session.maxTokensPerRun === undefined) return session.run({ pixel_values: pixelValues });
    const stride = kind === "modifiedResNet" ? RESNET_STRIDE : this.#config.patchSize;
    const { runInChunks } = await import("./run-in-chunks.js");
    return runInChunks(session, { pixel_values: pixelValues }, Math.floor(height / stride) * Math.floor(width / stride) + 1);
  }
}
