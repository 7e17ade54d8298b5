/**
 * What each dtype costs in fidelity and saves in size: cosines with float32, and how many nearest neighbours change, on the benchmark's
 * checkpoint, the demo checkpoint, and both with planted outliers.
 */
import { openAsBlob } from "node:fs";
import { mkdtemp, readdir, rm, stat } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { readCheckpoint } from "@chinese-clip/model";
import { ChineseCLIP, type PretrainedOptions, Tensor } from "@chinese-clip/node";
import { dotAt } from "@chinese-clip/search";
import { normalized } from "./agreement.js";
import { captions, pixelValues } from "./inputs.js";
import { plantOutliers } from "./planted-outliers.js";

type Dtype = "fp16" | "q8" | "q4";
type Tower = "text" | "vision";

/** One row of the table. */
export interface FidelityRow {
  readonly model: string;
  readonly tower: Tower;
  readonly dtype: Dtype;
  /** Size of the tower's converted file. */
  readonly bytes: number;
  /** Milliseconds that the weights' conversion takes. */
  readonly conversionMs: number;
  /** Smallest cosine with the float32 embedding. */
  readonly cosine: number;
  readonly meanCosine: number;
  /** Part of the rows whose nearest other row is the same one as in float32. */
  readonly sameNearest: number;
}

const DTYPES: readonly Dtype[] = ["fp16", "q8", "q4"];
const DEMO = fileURLToPath(new URL("../../examples/demo-checkpoint", import.meta.url));
/** What each format promises on checkpoints without and with outliers; below it the run fails. Half precision does not care about outliers. */
const BOUNDS: Readonly<Record<Dtype, { readonly plain: number; readonly outliers?: number }>> = {
  fp16: { plain: 0.9999 },
  q8: { plain: 0.999, outliers: 0.99 },
  q4: { plain: 0.97, outliers: 0.97 },
};

/** Prints the table. Fails where a format is further from float32 than it promises. */
export async function benchFidelity(vitB16: string, scratch: string): Promise<void> {
  const models = [
    { name: "ViT-B/16, random", folder: vitB16, outliers: false },
    { name: "ViT-B/16, outliers", folder: await plantOutliers(vitB16, `${vitB16}-outliers`), outliers: true },
    { name: "demo checkpoint", folder: DEMO, outliers: false },
    { name: "demo, outliers", folder: await plantOutliers(DEMO, join(scratch, "demo-outliers")), outliers: true },
  ];
  console.log(`\n### Dtypes: size, and how close to float32\n`);
  console.log("| checkpoint | tower | format | MB | of fp32 | conversion ms | smallest cosine | mean cosine | same nearest neighbour |");
  console.log("|---|---|---|---:|---:|---:|---:|---:|---:|");
  for (const { name, folder, outliers } of models) {
    const kind = outliers ? "outliers" : "plain";
    const dtypes = DTYPES.filter((dtype) => BOUNDS[dtype][kind] !== undefined);
    for (const row of await measureFidelity(name, folder, dtypes)) {
      const fp32 = await towerBytes(folder, row.tower);
      console.log(
        `| ${row.model} | ${row.tower} | ${row.dtype} | ${(row.bytes / 1e6).toFixed(1)} | ${(row.bytes / fp32).toFixed(2)} | ${row.conversionMs.toFixed(0)} | ${row.cosine.toFixed(5)} | ${row.meanCosine.toFixed(5)} | ${(100 * row.sameNearest).toFixed(0)}% |`,
      );
      const bound = BOUNDS[row.dtype][kind];
      if (!(row.cosine >= (bound ?? Number.NaN)))
        throw new Error(`benchFidelity: ${name}, ${row.tower}, ${row.dtype}: expected cosines of ${bound}, got ${row.cosine}`);
    }
  }
}

/** Compares formats with float32 on 64 captions and 16 images; conversions go into a folder that is removed. */
export async function measureFidelity(model: string, folder: string, dtypes: readonly Dtype[]): Promise<FidelityRow[]> {
  const cacheDir = await mkdtemp(join(tmpdir(), "chinese-clip-fidelity-"));
  try {
    const exact = await embedBoth(folder, { dtype: "fp32" });
    const rows: FidelityRow[] = [];
    for (const dtype of dtypes) {
      const conversions = new Map<string, { begin: number; ms: number }>();
      const onProgress: PretrainedOptions["onProgress"] = (event) => {
        if (event.status !== "initiate" && event.status !== "done") return;
        const { status, file } = event;
        if (status === "initiate") conversions.set(file, { begin: performance.now(), ms: Number.NaN });
        const conversion = conversions.get(file);
        if (status === "done" && conversion !== undefined) conversion.ms = performance.now() - conversion.begin;
      };
      const found = await embedBoth(folder, { dtype, cacheDir, onProgress });
      for (const tower of ["text", "vision"] as const) {
        const { cosine, mean } = cosines(found[tower], exact[tower], exact.dim);
        const [a, b] = [nearest(found[tower], exact.dim), nearest(exact[tower], exact.dim)];
        const sameNearest = a.filter((row, i) => row === b[i]).length / a.length;
        const file = `${tower}.${dtype}.safetensors`;
        const bytes = await fileBytes(cacheDir, file);
        const conversionMs = [...conversions].find(([name]) => name.endsWith(file))?.[1].ms ?? Number.NaN;
        rows.push({ model, tower, dtype, bytes, conversionMs, cosine, meanCosine: mean, sameNearest });
      }
    }
    return rows;
  } finally {
    await rm(cacheDir, { recursive: true, force: true });
  }
}

/** By which the demo checkpoint is told. */
const DEMO_DIM = 128;

/** Normalised rows of each tower. */
type Embedded = Readonly<Record<Tower, Float32Array>> & { readonly dim: number };

async function embedBoth(folder: string, options: PretrainedOptions): Promise<Embedded> {
  await using clip = await ChineseCLIP.fromPretrained(folder, options);
  const { projectionDim: dim, visionConfig } = clip.model.config;
  const side = visionConfig.imageSize;
  // Another vocabulary, other captions.
  const texts = await clip.embedText(dim === DEMO_DIM ? demoCaptions() : captions(64, [3, 24]));
  const pixels = new Tensor("float32", pixelValues(16, side), [16, 3, side, side]);
  const images = await clip.model.getImageFeatures({ pixelValues: pixels });
  return { dim, text: texts.data, vision: normalized(images.data as Float32Array, dim) };
}

/** Sentences that the demo checkpoint was trained on the kind of. */
function demoCaptions(): string[] {
  const colours = ["红色", "橙色", "黄色", "绿色", "蓝色", "紫色", "粉色", "棕色"];
  const things = ["汽车", "帆船", "猫", "兔子", "雨伞", "蘑菇", "气球", "雪人"];
  return colours.flatMap((colour) => things.map((thing) => `${colour}的${thing}`));
}

function cosines(a: Float32Array, b: Float32Array, dim: number): { cosine: number; mean: number } {
  const all = Array.from({ length: a.length / dim }, (_, row) => dotAt(a, row * dim, b, row * dim, dim));
  return { cosine: Math.min(...all), mean: all.reduce((sum, value) => sum + value, 0) / all.length };
}

/** For each row the other row with the largest cosine. */
function nearest(rows: Float32Array, dim: number): number[] {
  const count = rows.length / dim;
  return Array.from({ length: count }, (_, row) => {
    let best = -1;
    let most = Number.NEGATIVE_INFINITY;
    for (let other = 0; other < count; other++) {
      const similarity = other === row ? Number.NEGATIVE_INFINITY : dotAt(rows, row * dim, rows, other * dim, dim);
      if (similarity > most) [most, best] = [similarity, other];
    }
    return best;
  });
}

async function fileBytes(folder: string, name: string): Promise<number> {
  const path = (await readdir(folder, { recursive: true })).find((entry) => entry.endsWith(name));
  if (path === undefined) throw new Error(`measureFidelity: expected a file ${name} in ${folder}, got none`);
  return (await stat(join(folder, path))).size;
}

async function towerBytes(folder: string, tower: Tower): Promise<number> {
  const blob = await openAsBlob(join(folder, "model.safetensors"));
  const read = async (start: number, end: number): Promise<Uint8Array> => new Uint8Array(await blob.slice(start, end).arrayBuffer());
  const { tensors } = await readCheckpoint([{ name: "model.safetensors", byteLength: blob.size, read }]);
  const prefix = tower === "text" ? "text" : "vis";
  return [...tensors].filter(([name]) => name.startsWith(prefix)).reduce((sum, [, { byteLength }]) => sum + byteLength, 0);
}
