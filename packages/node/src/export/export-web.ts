/**
 * A model as a folder for static hosting, which `@chinese-clip/web` (and this package) loads: one file for each tower and dtype, so
 * that a page fetches just what it computes with.
 */
import { ChineseCLIPConfig, type TowerName } from "@chinese-clip/model";
import { type Dtype, loadFrom, MANIFEST_FILE, type ModelSource, towerFileName } from "@chinese-clip/pipeline";
import { nodePlatform } from "../node-platform.js";
import { checkWhole, modelTensors, safetensors, smallFiles } from "./convert.js";
import { folderPath, type ModelFileOptions } from "./export-onnx.js";
import { type StagedFile, StagedFiles } from "./staged-files.js";

/** What {@link exportWeb} writes. */
export interface ExportWebOptions extends ModelFileOptions {
  /** In which dtypes. Default: `["q8"]`, a quarter of float32's size. */
  readonly dtypes?: readonly Dtype[] | undefined;
  /** Which towers. Default: both. */
  readonly towers?: readonly TowerName[] | undefined;
}

const DTYPES: readonly Dtype[] = ["fp32", "fp16", "q8", "q4"];
const TOWERS: readonly TowerName[] = ["text", "vision"];

/**
 * Writes `text.<dtype>.safetensors` and `vision.<dtype>.safetensors` for each dtype, `config.json`, `preprocessor_config.json`, the
 * tokenizer's files, and `chinese-clip.json`, which lists them: `{ "format": 1, "files": [{ "name", "bytes", "sha256" }] }`. Serve the folder as it is;
 * load it by its address, with one of these dtypes as `dtype`.
 *
 * A layer is in memory at a time. Files appear when all are written; where it fails, none do.
 *
 * @param source - as in `fromPretrained`, but for ONNX exports; weights in floating point.
 * @param folder - is made if need be; files of the same names are replaced.
 * @returns absolute paths of the files.
 * @throws RangeError - an option that is not known; else as `fromPretrained`.
 */
export async function exportWeb(source: ModelSource, folder: string | URL, options: ExportWebOptions = {}): Promise<readonly string[]> {
  const { dtypes = ["q8"], towers = TOWERS, signal, onProgress } = options;
  const among = <Name extends string>(what: string, names: readonly Name[], known: readonly Name[]): void => {
    if (names.length === 0 || !names.every((name) => known.includes(name)))
      throw new RangeError(`exportWeb: expected ${what} to be some of ${known.join(", ")}, got ${JSON.stringify(names)}`);
  };
  among("dtypes", dtypes, DTYPES);
  among("towers", towers, TOWERS);
  const { isTowerTensor, planTower } = await import("@chinese-clip/model/quantize");
  return loadFrom(nodePlatform, source, options, async (model) => {
    const { files } = model;
    const config = ChineseCLIPConfig.fromJSON(await model.config());
    const checkpoint = await model.checkpoint();
    await checkWhole(config, checkpoint);
    const small = await smallFiles(files, config, checkpoint);
    const staging = { folder: folderPath(folder), files, signal, onProgress };
    return StagedFiles.write(staging, async (staged) => {
      const written: StagedFile[] = [];
      for (const tower of new Set(towers)) {
        for (const dtype of new Set(dtypes)) {
          const name = towerFileName(tower, dtype);
          // One after the other: each keeps a core busy, or the disk.
          const contents =
            dtype === "fp32"
              ? await safetensors(
                  (await modelTensors(checkpoint)).filter(([tensor]) => isTowerTensor(tower, tensor)),
                  files,
                )
              : planTower(checkpoint, tower, dtype, name);
          written.push(await staged.add(name, contents));
        }
      }
      for (const [name, text] of small) written.push(await staged.add(name, [new TextEncoder().encode(text)]));
      const manifest = `${JSON.stringify({ format: 1, files: written }, undefined, 2)}\n`;
      await staged.add(MANIFEST_FILE, [new TextEncoder().encode(manifest)]);
    });
  });
}
