/**
 * A checkpoint's tensors under one naming, Hugging Face's for the whole model, whichever files and formats they came from.
 */
import { CheckpointError, malformed, quote } from "../checkpoint-error.js";
import type { CheckpointFile } from "./byte-source.js";
import { readSafetensors } from "./safetensors.js";
import type { ShardIndex } from "./shard-index.js";
import type { StoredTensor, WeightDtype } from "./tensor-reference.js";

/** The number formats that a graph can compute with. */
const FLOATS: readonly WeightDtype[] = ["F32", "F16", "BF16", "F64"];

/** A whole model's tensor by Hugging Face's name. */
const CANONICAL =
  /^(?:text_model|vision_model)\.(?:\w+\.)*(?:weight|bias|class_embedding)$|^(?:text|visual)_projection\.weight$|^logit_scale$/;

/** The tensors of a checkpoint, as references into its files. */
export class Checkpoint {
  /** Canonical name, such as `text_model.embeddings.LayerNorm.weight` -> where its bytes lie, with the shape in which they do. */
  readonly tensors: ReadonlyMap<string, StoredTensor>;
  readonly #files: ReadonlyMap<string, CheckpointFile>;

  constructor(tensors: ReadonlyMap<string, StoredTensor>, files: readonly CheckpointFile[]) {
    this.tensors = tensors;
    this.#files = new Map(files.map((file) => [file.name, file]));
  }

  /**
   * The reference to a tensor of a known shape.
   *
   * @param dtypes - number formats that will do. Default: floating point.
   * @returns the reference; where it is `transposed`, its `shape` is the reverse of what was asked for.
   * @throws {@link CheckpointError} `missing-tensor`, `shape-mismatch` or `unsupported-dtype`, naming the tensor.
   */
  tensor(name: string, shape: readonly number[], dtypes: readonly WeightDtype[] = FLOATS): StoredTensor {
    const found = this.tensors.get(name);
    if (found === undefined) {
      const files = [...this.#files.keys()].join(", ");
      throw new CheckpointError("missing-tensor", `${files}: expected a tensor ${name} of shape ${quote(shape)}, got none`, {
        tensor: name,
        expected: shape,
      });
    }
    const actual = found.transposed ? found.shape.toReversed() : found.shape;
    if (actual.length !== shape.length || actual.some((size, axis) => size !== shape[axis])) {
      throw new CheckpointError(
        "shape-mismatch",
        `${found.file}: tensor ${name}: expected shape ${quote(shape)} by the configuration, got ${quote(actual)}`,
        { tensor: name, expected: shape, actual },
      );
    }
    if (!dtypes.includes(found.dtype)) {
      throw new CheckpointError(
        "unsupported-dtype",
        `${found.file}: tensor ${name}: expected a dtype of ${dtypes.join(", ")}, got ${found.dtype}`,
        { tensor: name, expected: dtypes, actual: found.dtype },
      );
    }
    return found;
  }

  /**
   * The one number in a floating-point tensor of shape `[]` or `[1]`, such as `logit_scale`. Reads just its bytes.
   *
   * @throws {@link CheckpointError} as {@link Checkpoint.tensor}.
   */
  async scalar(name: string): Promise<number> {
    const shape = this.tensors.get(name)?.shape.length === 1 ? [1] : [];
    const bytes = await this.#read(name, shape);
    const { dtype } = this.tensor(name, shape);
    const view = new DataView(bytes.buffer, bytes.byteOffset);
    if (dtype === "F64") return view.getFloat64(0, true);
    if (dtype === "F32") return view.getFloat32(0, true);
    return (await import("./float-values.js")).decodeFloats(bytes, dtype)[0] ?? Number.NaN;
  }

  /**
   * The numbers of a floating-point tensor, row by row as its name stands for: a copy, which is float32 whatever it is stored in.
   *
   * @throws {@link CheckpointError} as {@link Checkpoint.tensor}; `malformed` where the file is shorter than it was.
   */
  async values(name: string, shape: readonly number[]): Promise<Float32Array> {
    const { dtype, transposed } = this.tensor(name, shape);
    const { decodeFloats, transposeMatrix } = await import("./float-values.js"); // towers are run from the weights as they lie
    const values = decodeFloats(await this.#read(name, shape), dtype);
    return transposed ? transposeMatrix(values, shape) : values;
  }

  async #read(name: string, shape: readonly number[]): Promise<Uint8Array> {
    const { file, byteOffset, byteLength } = this.tensor(name, shape);
    const bytes = await this.#files.get(file)?.read(byteOffset, byteOffset + byteLength);
    if (bytes?.byteLength !== byteLength)
      malformed({ name: file }, `tensor ${name}: expected ${byteLength} bytes to read`, { tensor: name });
    return bytes;
  }
}

/**
 * Reads which tensors a checkpoint's files hold. Each file's format is told by its first bytes: safetensors, or what `torch.save` writes, as
 * zip or in its older format. Only headers, directories and pickles are read, never weights.
 *
 * @param files - the files of one model.
 * @param index - where the model's tensors are spread over several files, which file holds which.
 * @throws {@link CheckpointError} `malformed`, naming the file, or the tensor that two files hold; `forbidden-global`, where a pickle asks
 * for code to be run; `missing-file`, where the index names one that is not there.
 */
export async function readCheckpoint(files: readonly CheckpointFile[], index?: ShardIndex): Promise<Checkpoint> {
  const tensors = new Map<string, StoredTensor>();
  for (const file of files) {
    for (const [name, tensor] of await readTensors(file)) {
      const other = tensors.get(name);
      if (other !== undefined)
        malformed(file, `tensor ${name}: expected each tensor once, but ${other.file} holds it too`, { tensor: name });
      tensors.set(name, tensor);
    }
  }
  for (const [tensor, file] of index?.weightMap ?? []) {
    if (!files.some(({ name }) => name === file))
      throw new CheckpointError("missing-file", `${index?.name}: expected a file ${file} for tensor ${tensor}, got none`, { file, tensor });
    if (tensors.get(tensor)?.file !== file)
      malformed({ name: file }, `expected a tensor ${tensor} by ${index?.name}, got none`, { tensor });
  }
  // The published models' names are what the others are mapped to; the map comes with the first checkpoint that needs it.
  const isCanonical = [...tensors].every(([name, { transposed }]) => CANONICAL.test(name) && !transposed);
  return new Checkpoint(isCanonical ? tensors : (await import("./tensor-names.js")).nameCanonically(tensors), files);
}

async function readTensors(file: CheckpointFile): Promise<Map<string, StoredTensor>> {
  if (file.byteLength < 9) malformed(file, `expected weights, got a file of ${file.byteLength} bytes`);
  const start = await file.read(0, 9);
  const [a, b, c, d] = start;
  // safetensors' ninth byte is its JSON's first; what comes before is a length, and may look like anything.
  if (start[8] !== 0x7b) {
    const isZip = a === 0x50 && b === 0x4b && c === 3 && d === 4;
    if (isZip || a === 0x80) return readTorchFile(file, isZip);
  }
  return readSafetensors(file, start);
}

/** The readers come with the first such file: a page that reads safetensors never downloads the unpickling. */
async function readTorchFile(file: CheckpointFile, isZip: boolean): Promise<Map<string, StoredTensor>> {
  const { findTensors } = await import("./torch-state-dict.js");
  const opened = isZip ? (await import("./torch-zip.js")).openTorchZip(file) : (await import("./torch-legacy.js")).openTorchLegacy(file);
  return findTensors(file, await opened);
}
