/**
 * One load's view of a model: its configuration and the headers of its weights, each read and parsed at most once, when first asked for.
 */
import type { Checkpoint } from "@chinese-clip/model";
import type { ModelFiles } from "../platform.js";
import { type CheckpointOptions, hasCheckpoint, openCheckpoint } from "./open-checkpoint.js";
import { openCombinedOnnx, type OpenedExport } from "./open-combined-onnx.js";
import { readConfig, readPreprocessorConfig } from "./read-config.js";

/** Reads one model's files in one dtype. */
export class ModelReader<Files extends ModelFiles = ModelFiles> {
  /** The model's files. */
  readonly files: Files;
  readonly #options: CheckpointOptions;
  #checkpoint: Promise<Checkpoint> | undefined;
  #config: Promise<unknown> | undefined;

  /** @param options - `dtype` selects among the files of a folder that has one for each tower and dtype, `variant` among Hugging Face's. */
  constructor(files: Files, options: CheckpointOptions = {}) {
    this.files = files;
    this.#options = options;
  }

  /**
   * The tensors of the model's checkpoint.
   *
   * @throws CheckpointError - `missing-file`: no weights, no such shard, or none in that dtype; or a file that cannot be read.
   */
  checkpoint(): Promise<Checkpoint> {
    this.#checkpoint ??= openCheckpoint(this.files, this.#options);
    return this.#checkpoint;
  }

  /**
   * The model's weights: its checkpoint, or its ONNX export where there is no checkpoint, because an export gives features only.
   *
   * @throws CheckpointError - as {@link ModelReader.checkpoint}; `unsupported-graph`: an export of another kind.
   */
  async weights(): Promise<Checkpoint | OpenedExport> {
    const onnx = (await hasCheckpoint(this.files, this.#options)) ? undefined : await openCombinedOnnx(this.files);
    return onnx ?? this.checkpoint();
  }

  /**
   * The parsed `config.json`; without one, the same from cn_clip's two files; without those, from the shapes in the weights' headers.
   *
   * @throws CheckpointError - `malformed`: a file that is not JSON; `missing-tensor`, `invalid-config`: shapes that make no model.
   */
  config(): Promise<unknown> {
    this.#config ??= readConfig(this.files, () => this.checkpoint());
    return this.#config;
  }

  /**
   * The image processor's configuration: of `processor_config.json`, else `preprocessor_config.json`. A cn_clip release has none, and squashes images to the square that its image tower takes.
   *
   * @throws CheckpointError - `missing-file`: a Hugging Face model without one, whose values cannot be guessed; `malformed`.
   */
  preprocessorConfig(): Promise<unknown> {
    return readPreprocessorConfig(this.files, () => this.config());
  }
}
