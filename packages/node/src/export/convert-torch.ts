/**
 * Any checkpoint as the `.pt` file that cn_clip saves (`cn_clip/training/main.py`): `{epoch, step, name, state_dict}`, with `module.` before each of its
 * names, as `DistributedDataParallel` has it.
 */
import { basename, dirname, extname, resolve } from "node:path";
import { fileURLToPath } from "node:url";
import { crc32 } from "node:zlib";
import { CheckpointError, ChineseCLIPConfig, type StoredTensor } from "@chinese-clip/model";
import type { Piece } from "@chinese-clip/model/onnx";
import { loadFrom, type ModelSource } from "@chinese-clip/pipeline";
import { nodePlatform } from "../node-platform.js";
import type { DiskModelFiles } from "../sources/open-model.js";
import { checkWhole, type ConvertOptions, modelTensors, tensorPiece } from "./convert.js";
import { checksum, StagedFiles } from "./staged-files.js";

/**
 * Writes a model as cn_clip's `.pt`, which `torch.load` takes with `weights_only=True`. Tensors keep their dtype. Weights are copied by ranges, a few
 * megabytes in memory at a time; the file appears when it is whole.
 *
 * @param source - as in `fromPretrained`.
 * @param file - its path; a file of that name is replaced.
 * @returns the file's absolute path.
 * @throws CheckpointError - a tensor that does not fit the configuration; else as `fromPretrained`.
 */
export async function convertToTorch(source: ModelSource, file: string | URL, options: ConvertOptions = {}): Promise<string> {
  const { signal, onProgress } = options;
  const path = resolve(file instanceof URL ? fileURLToPath(file) : file);
  const name = basename(path);
  return loadFrom(nodePlatform, source, options, async (model) => {
    const { files } = model;
    const { torchArchive } = await import("@chinese-clip/model/torch");
    const checkpoint = await model.checkpoint();
    await checkWhole(ChineseCLIPConfig.fromJSON(await model.config()), checkpoint);
    const tensors = await cnClipContents(new Map(await modelTensors(checkpoint)), files);
    const records = [];
    for (const { pieces, ...header } of tensors) records.push({ ...header, crc32: await checksum(files, pieces) });
    const fields = { epoch: 0, step: 0, name: basename(path, extname(path)) };
    const parts = torchArchive(fields.name, fields, records, crc32);
    const contents = parts.flatMap((part) => (part instanceof Uint8Array ? [part] : (tensors[part.tensor]?.pieces ?? [])));
    const staging = { folder: dirname(path), files, signal, onProgress };
    await StagedFiles.write(staging, async (staged) => {
      await staged.add(name, contents);
    });
    return path;
  });
}

interface TensorContents {
  readonly name: string;
  readonly dtype: StoredTensor["dtype"];
  readonly shape: readonly number[];
  readonly pieces: readonly Piece[];
}

/** The model's tensors as cn_clip has them. */
async function cnClipContents(tensors: ReadonlyMap<string, StoredTensor>, files: DiskModelFiles): Promise<TensorContents[]> {
  const { cnClipTensors } = await import("@chinese-clip/model/torch");
  const contents: TensorContents[] = [];
  for (const { name, parts, isTransposed } of cnClipTensors(tensors.keys())) {
    const stored = parts.map((part) => {
      const tensor = tensors.get(part);
      if (tensor === undefined) throw new CheckpointError("malformed", `expected a tensor ${part}, got none`, { tensor: part });
      return tensor;
    });
    const [first] = stored;
    if (first === undefined) continue;
    const { dtype } = first;
    if (stored.some((other) => other.dtype !== dtype))
      throw new CheckpointError("malformed", `expected ${parts.join(", ")} in one dtype, got ${stored.map((other) => other.dtype).join(", ")}`, { tensor: name }); // prettier-ignore
    const natural = first.transposed ? first.shape.toReversed() : first.shape;
    const [rows = 0, ...rest] = isTransposed ? natural.toReversed() : natural;
    const shape = natural.length === 0 ? [] : [rows * stored.length, ...rest];
    const pieces: Piece[] = [];
    for (const tensor of stored) pieces.push(await tensorPiece(tensor, tensor.transposed !== isTransposed, files));
    contents.push({ name: `module.${name}`, dtype, shape, pieces });
  }
  return contents;
}
