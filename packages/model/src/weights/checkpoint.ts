/**
 * A checkpoint's tensors under one naming, Hugging Face's for the whole model, whichever files they came from.
 */
import { CheckpointError, quote } from "../checkpoint-error.js";
import type { CheckpointFile } from "./byte-source.js";
import { readSafetensors } from "./safetensors.js";
import type { TensorReference } from "./tensor-reference.js";

/** A tensor as a graph takes it. */
export interface StoredTensor extends TensorReference {
  /** Whether the matrix is stored the other way round, `[columns, rows]` of what was asked for; `shape` is as it is stored. */
  readonly transposed: boolean;
}

/** The tensors of a checkpoint, as references into its files. */
export class Checkpoint {
  /** Canonical name, such as `text_model.embeddings.LayerNorm.weight` -> where its bytes lie. */
  readonly tensors: ReadonlyMap<string, TensorReference>;
  readonly #files: ReadonlyMap<string, CheckpointFile>;

  constructor(tensors: ReadonlyMap<string, TensorReference>, files: readonly CheckpointFile[]) {
    this.tensors = tensors;
    this.#files = new Map(files.map((file) => [file.name, file]));
  }

  /**
   * The reference to a floating-point tensor of a known shape.
   *
   * @throws {@link CheckpointError} `missing-tensor`, `shape-mismatch` or `unsupported-dtype`, naming the tensor.
   */
  tensor(name: string, shape: readonly number[]): StoredTensor {
    const found = this.tensors.get(name);
    const files = [...this.#files.keys()].join(", ");
    if (found === undefined) {
      throw new CheckpointError("missing-tensor", `${files}: expected a tensor ${name} of shape ${quote(shape)}, got none`, {
        tensor: name,
        expected: shape,
      });
    }
    if (found.shape.length !== shape.length || found.shape.some((size, axis) => size !== shape[axis])) {
      throw new CheckpointError(
        "shape-mismatch",
        `${found.file}: tensor ${name}: expected shape ${quote(shape)} by the configuration, got ${quote(found.shape)}`,
        {
          tensor: name,
          expected: shape,
          actual: found.shape,
        },
      );
    }
    if (found.dtype !== "F32") {
      throw new CheckpointError("unsupported-dtype", `${found.file}: tensor ${name}: expected dtype F32, got ${found.dtype}`, {
        tensor: name,
        expected: "F32",
        actual: found.dtype,
      });
    }
    return { ...found, transposed: false };
  }

  /** The one number in a float32 tensor of shape `[]` or `[1]`, such as `logit_scale`. Reads four bytes. */
  async scalar(name: string): Promise<number> {
    const found = this.tensors.get(name);
    const reference = this.tensor(name, found?.shape.length === 1 ? [1] : []);
    const bytes = await this.#files.get(reference.file)?.read(reference.byteOffset, reference.byteOffset + 4);
    if (bytes?.byteLength !== 4)
      throw new CheckpointError("malformed", `${reference.file}: tensor ${name}: expected four bytes to read`, { tensor: name });
    return new DataView(bytes.buffer, bytes.byteOffset, 4).getFloat32(0, true);
  }
}

/**
 * Reads which tensors a checkpoint's files hold. Only headers are read, never weights.
 *
 * @param files - the `.safetensors` files of one model.
 * @throws {@link CheckpointError} `malformed`, naming the file, or the tensor that two files hold.
 */
export async function readCheckpoint(files: readonly CheckpointFile[]): Promise<Checkpoint> {
  const tensors = new Map<string, TensorReference>();
  for (const file of files) {
    const inFile = await readSafetensors(file);
    const prefix = missingPrefix(inFile);
    for (const [name, reference] of inFile) {
      const canonical = prefix + name;
      const other = tensors.get(canonical);
      if (other !== undefined) {
        throw new CheckpointError("malformed", `${file.name}: tensor ${name}: expected each tensor once, but ${other.file} holds it too`, {
          file: file.name,
          tensor: name,
        });
      }
      tensors.set(canonical, reference);
    }
  }
  return new Checkpoint(tensors, files);
}

/** A tower that transformers 5 saved alone has no prefix; its embeddings tell which tower it is. */
function missingPrefix(tensors: ReadonlyMap<string, unknown>): string {
  if (tensors.has("embeddings.word_embeddings.weight")) return "text_model.";
  if (tensors.has("embeddings.class_embedding")) return "vision_model.";
  return "";
}
