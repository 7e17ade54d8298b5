/**
 * A checkpoint's tensors under one naming, Hugging Face's for the whole model, whichever files and formats they came from.
 */
import { CheckpointError, malformed, quote, showName } from "../checkpoint-error.js";
import type { CheckpointFile } from "./byte-source.js";
import { readSafetensors } from "./safetensors.js";
import type { ShardIndex } from "./shard-index.js";
import type { TensorDict } from "./tensor-dict.js";
import type { StoredTensor, WeightDtype } from "./tensor-reference.js";

/** The dtypes that a graph can compute with. */
const FLOATS: readonly WeightDtype[] = ["F32", "F16", "BF16", "F64"];

/** A whole model's tensor by Hugging Face's name. */
const CANONICAL =
  /^(?:text_model|vision_model)\.(?:\w+\.)*(?:weight|bias|class_embedding)$|^(?:text|visual)_projection\.weight$|^logit_scale$/;

/** What a checkpoint has beside the tensors that can be used. */
export interface CheckpointFaults {
  /** Name -> why the tensor cannot be used: what {@link Checkpoint.tensor} throws. */
  readonly unusable?: ReadonlyMap<string, CheckpointError> | undefined;
  /** What to say where a tensor is missing, such as what was found instead. */
  readonly note?: string | undefined;
}

/** The tensors of a checkpoint, as references into its files. */
export class Checkpoint {
  /** Canonical name, such as `text_model.embeddings.LayerNorm.weight` -> where its bytes lie, with the shape in which they do. */
  readonly tensors: ReadonlyMap<string, StoredTensor>;
  /** What is wrong with the others. */
  readonly faults: CheckpointFaults;
  readonly #files: ReadonlyMap<string, CheckpointFile>;

  constructor(tensors: ReadonlyMap<string, StoredTensor>, files: readonly CheckpointFile[], faults: CheckpointFaults = {}) {
    this.tensors = tensors;
    this.faults = faults;
    this.#files = new Map(files.map((file) => [file.name, file]));
  }

  /** The files that the tensors are in. */
  get files(): readonly CheckpointFile[] {
    return [...this.#files.values()];
  }

  /**
   * The reference to a tensor of a known shape.
   *
   * @param dtypes - dtypes that will do. Default: floating point.
   * @returns the reference; where it is `transposed`, its `shape` is the reverse of what was asked for.
   * @throws {@link CheckpointError} `missing-tensor`, `shape-mismatch` or `unsupported-dtype`, naming the tensor; or why it cannot be used.
   */
  tensor(name: string, shape: readonly number[], dtypes: readonly WeightDtype[] = FLOATS): StoredTensor {
    const found = this.tensors.get(name);
    if (found === undefined) {
      const unusable = this.faults.unusable?.get(name);
      if (unusable !== undefined) throw unusable;
      const [first = "", ...others] = this.#files.keys();
      const where = others.length > 1 ? `${first} and ${others.length} other files` : [first, ...others].join(", ");
      const { note } = this.faults;
      throw new CheckpointError(
        "missing-tensor",
        `${where}: expected a tensor ${showName(name)} of shape ${quote(shape)}, got none${note === undefined ? "" : `; ${note}`}`,
        { tensor: name, expected: shape },
      );
    }
    const actual = found.transposed ? [...found.shape].reverse() : found.shape;
    if (actual.length !== shape.length || actual.some((size, axis) => size !== shape[axis])) {
      throw new CheckpointError(
        "shape-mismatch",
        `${found.file}: tensor ${showName(name)}: expected shape ${quote(shape)} by the configuration, got ${quote(actual)}`,
        { tensor: name, expected: shape, actual },
      );
    }
    if (!dtypes.includes(found.dtype)) {
      throw new CheckpointError(
        "unsupported-dtype",
        `${found.file}: tensor ${showName(name)}: expected a dtype of ${dtypes.join(", ")}, got ${found.dtype}`,
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

  /**
   * The first bytes of a tensor as it is stored, to tell checkpoints apart.
   *
   * @throws {@link CheckpointError} `missing-tensor`; `malformed` where the file is shorter than it was.
   */
  async readStart(name: string, byteLength: number): Promise<Uint8Array> {
    const found = this.tensors.get(name);
    if (found === undefined) throw new CheckpointError("missing-tensor", `expected a tensor ${name}, got none`, { tensor: name });
    const length = Math.min(byteLength, found.byteLength);
    if (found.bytes !== undefined) return found.bytes.subarray(0, length);
    const bytes = await this.#files.get(found.file)?.read(found.byteOffset, found.byteOffset + length);
    if (bytes?.byteLength !== length) malformed({ name: found.file }, `tensor ${name}: expected ${length} bytes to read`, { tensor: name });
    return bytes;
  }

  async #read(name: string, shape: readonly number[]): Promise<Uint8Array> {
    const { file, byteOffset, byteLength, bytes: copied } = this.tensor(name, shape);
    if (copied !== undefined) return copied;
    const bytes = await this.#files.get(file)?.read(byteOffset, byteOffset + byteLength);
    if (bytes?.byteLength !== byteLength)
      malformed({ name: file }, `tensor ${showName(name)}: expected ${byteLength} bytes to read`, { tensor: name });
    return bytes;
  }
}

/**
 * Reads which tensors a checkpoint's files hold. Each file's format is told by its first bytes: safetensors, or what `torch.save` writes, as
 * zip or in its older format. Only headers, directories and pickles are read, never weights.
 *
 * @param files - the files of one model.
 * @param index - where the model's tensors are spread over several files, which file holds which.
 * @throws {@link CheckpointError} `malformed`, naming the file, or the tensor that two files hold; `forbidden-global`, where a pickle has
 * something else than tensors; `missing-file`, where the index names one that is not there.
 */
export async function readCheckpoint(files: readonly CheckpointFile[], index?: ShardIndex): Promise<Checkpoint> {
  const dicts: TensorDict[] = [];
  for (const file of files) for (const dict of await readTensorDicts(file)) dicts.push(dict);
  if (index !== undefined) checkIndex(dicts, files, index);
  // The published models' names are what the others are mapped to; the map comes with the first checkpoint that needs it.
  const published = await publishedTensors(dicts);
  if (published !== undefined) return new Checkpoint(published, files);
  const { tensors, ...faults } = await (await import("./name-model.js")).nameModel(dicts);
  return new Checkpoint(tensors, files, faults);
}

/** The tensors, where each is by its canonical name at the top of a file, and can be used. */
async function publishedTensors(dicts: readonly TensorDict[]): Promise<Map<string, StoredTensor> | undefined> {
  const tensors = new Map<string, StoredTensor>();
  for (const { path, names, locate } of dicts) {
    if (path !== "" || !names.every((name) => CANONICAL.test(name) && !tensors.has(name))) return undefined;
    for (const [name, tensor] of await locate(names)) {
      if (tensor instanceof CheckpointError || tensor.transposed || tensor.strides !== undefined) return undefined;
      tensors.set(name, tensor);
    }
  }
  return tensors;
}

function checkIndex(dicts: readonly TensorDict[], files: readonly CheckpointFile[], { name: index, weightMap }: ShardIndex): void {
  const held = new Map(files.map(({ name }) => [name, new Set<string>()]));
  for (const { file, names } of dicts) for (const name of names) held.get(file.name)?.add(name);
  for (const [tensor, file] of weightMap) {
    if (!held.has(file))
      throw new CheckpointError("missing-file", `${index}: expected a file ${file} for tensor ${showName(tensor)}, got none`, {
        file,
        tensor,
      });
    if (held.get(file)?.has(tensor) !== true)
      malformed({ name: file }, `expected a tensor ${showName(tensor)} by ${index}, got none`, { tensor });
  }
}

async function readTensorDicts(file: CheckpointFile): Promise<readonly TensorDict[]> {
  if (file.byteLength < 9) {
    const what = await (await import("./not-weights.js")).describeOtherFile(file);
    malformed(file, `expected weights, got ${what ?? `a file of ${file.byteLength} bytes`}`);
  }
  const start = await file.read(0, 9);
  const [a, b, c, d] = start;
  // safetensors' ninth byte is its JSON's first; what comes before is a length, and may look like anything.
  if (start[8] !== 0x7b) {
    const isZip = a === 0x50 && b === 0x4b && c === 3 && d === 4;
    // A page that reads safetensors never downloads the unpickling.
    if (isZip || a === 0x80) return (await import("./torch-file.js")).readTorchFile(file);
  }
  return [await readSafetensors(file, start)];
}
