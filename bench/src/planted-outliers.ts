/**
 * A checkpoint with outliers, as trained transformers have them: a handful of channels of the residual stream 30 to 60 times as large as the
 * rest. In the image tower everything that writes to such a channel is multiplied. In the text tower, where a LayerNorm follows every sum,
 * the LayerNorms' outputs are, and what reads them is divided: the outliers carry next to nothing, but take up a row's whole range.
 */
import { existsSync } from "node:fs";
import { copyFile, mkdir, readFile, rename, writeFile } from "node:fs/promises";
import { join } from "node:path";

/** Where the outliers are, as parts of the width, and how many times larger. */
const OUTLIERS: readonly (readonly [place: number, factor: number])[] = [
  [0.004, 60],
  [0.13, 30],
  [0.31, 45],
  [0.52, 50],
  [0.77, 35],
  [0.9, 40],
];

/** Which tensors are changed: those whose rows are channels that are written, columns that are written, and columns that are read. */
const WRITTEN_ROWS =
  /^vision_model\.(?:embeddings\.(?:patch_embedding\.weight|class_embedding)|.*\.(?:self_attn\.out_proj|mlp\.fc2)\.(?:weight|bias))$|^text_model\..*LayerNorm\.(?:weight|bias)$/u;
const WRITTEN_COLUMNS = /^vision_model\.embeddings\.position_embedding\.weight$/u;
const READ_COLUMNS = /^text_model\..*\.(?:query|key|value|intermediate\.dense)\.weight$|^text_projection\.weight$/u;

type Header = Record<
  string,
  { readonly dtype: string; readonly shape: readonly number[]; readonly data_offsets: readonly [number, number] }
>;

/**
 * Writes the folder, unless it is there.
 *
 * @param source - a folder in Hugging Face's format, float32.
 * @returns `target`.
 */
export async function plantOutliers(source: string, target: string): Promise<string> {
  const path = join(target, "model.safetensors");
  if (existsSync(path)) return target;
  await mkdir(target, { recursive: true });
  for (const name of ["config.json", "preprocessor_config.json", "vocab.txt"]) await copyFile(join(source, name), join(target, name));
  const bytes = await readFile(join(source, "model.safetensors"));
  const dataStart = 8 + Number(bytes.readBigUInt64LE(0));
  const { __metadata__: _, ...tensors } = JSON.parse(bytes.toString("utf8", 8, dataStart)) as Header;
  for (const [name, { shape, data_offsets: offsets }] of Object.entries(tensors)) {
    const [start, end] = offsets;
    scaleChannels(name, shape, (at, factor) => {
      const place = dataStart + start + 4 * at;
      if (place + 4 > dataStart + end) throw new RangeError(`plantOutliers: expected ${name} to have an element ${at}`);
      bytes.writeFloatLE(bytes.readFloatLE(place) * factor, place);
    });
  }
  await writeFile(`${path}.part`, bytes);
  await rename(`${path}.part`, path);
  return target;
}

/** Calls `multiply` with each element that is to be changed, by its place in the tensor, and the factor. */
function scaleChannels(name: string, shape: readonly number[], multiply: (at: number, factor: number) => void): void {
  const count = shape.reduce((a, b) => a * b, 1);
  const written = WRITTEN_ROWS.test(name);
  if (!written && !WRITTEN_COLUMNS.test(name) && !READ_COLUMNS.test(name)) return;
  const width = written ? (shape[0] ?? 0) : (shape.at(-1) ?? 0);
  for (const [place, factor] of OUTLIERS) {
    const channel = Math.floor(place * width);
    const rowLength = count / width;
    if (written) for (let at = channel * rowLength; at < (channel + 1) * rowLength; at++) multiply(at, factor);
    else for (let at = channel; at < count; at += width) multiply(at, READ_COLUMNS.test(name) ? 1 / factor : factor);
  }
}
