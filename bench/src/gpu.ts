/**
 * ViT-B/16 on a GPU: images and texts a second in batches of 1 to 256, the first result, memory, and how close the embeddings are to the CPU's. On `webgpu`, which
 * is in `onnxruntime-node` itself, and on `cuda`, where its libraries are. Each device and dtype is a process of its own, so that a driver that crashes ends
 * one line and not the table.
 */
import { execFile } from "node:child_process";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";
import { agreement, normalized } from "./agreement.js";
import { captions, pixelValues } from "./inputs.js";

/** What a process says of one tower. */
interface GpuRun {
  readonly tower: "images" | "texts";
  readonly firstMs: number;
  readonly rows: readonly number[];
  readonly timings: readonly { readonly batch: number; readonly perSecond: number }[];
  readonly peakRss: number;
}

const DEVICES = ["webgpu", "cuda"] as const;
/** Smallest cosine with the CPU's float32. Weights in half precision are computed with in float32. */
const BOUNDS = { fp32: 0.9999, fp16: 0.999 } as const;
const CHILD = fileURLToPath(new URL("children/gpu.mjs", import.meta.url));
/** No larger batch after one of which the next would take longer: a GPU in software gets to the end, too. */
const LIMIT_MS = 20_000;
const IMAGES = 4;
const TEXTS = 16;

/**
 * Prints a row for each device, dtype, tower and batch; for a device that cannot be had a sentence. Fails where embeddings are further from the CPU's than
 * promised.
 *
 * @param side - of the model's images.
 */
export async function benchGpu(
  folder: string,
  side: number,
  dim: number,
  texts: readonly string[] = captions(TEXTS, [3, 40]),
): Promise<void> {
  const scratch = await mkdtemp(join(tmpdir(), "chinese-clip-gpu-"));
  try {
    const [inputs, imagesPath] = [join(scratch, "inputs.json"), join(scratch, "images.f32")];
    await writeFile(imagesPath, new Uint8Array(pixelValues(IMAGES, side).buffer));
    await writeFile(inputs, JSON.stringify({ texts, imagesPath, side }));
    const expected = await runDevice(folder, "cpu", "fp32", inputs, 0);
    if (typeof expected === "string") throw new Error(`benchGpu: the CPU failed: ${expected}`);
    console.log("\n### ViT-B/16 on a GPU\n");
    const rows: string[] = [];
    for (const device of DEVICES) {
      for (const dtype of ["fp32", "fp16"] as const) {
        const runs = await runDevice(folder, device, dtype, inputs, LIMIT_MS);
        if (typeof runs === "string") {
          console.log(`${device} cannot be had here: ${runs}\n`);
          break;
        }
        const copies = await countCopies(folder, device, dtype, inputs);
        for (const run of runs) rows.push(...rowsOf(device, dtype, run, copies, expected, dim));
      }
    }
    if (rows.length === 0) return console.log("There is no GPU here, so there is no table.");
    console.log("| device | dtype | what | batch | a second | first result ms | peak RSS MB | copies between host and device in the graph | smallest cosine with the CPU |"); // prettier-ignore
    console.log("|---|---|---|---:|---:|---:|---:|---:|---:|");
    for (const row of rows) console.log(row);
  } finally {
    await rm(scratch, { recursive: true, force: true });
  }
}

function rowsOf(
  device: string,
  dtype: keyof typeof BOUNDS,
  run: GpuRun,
  copies: number,
  expected: readonly GpuRun[],
  dim: number,
): string[] {
  const rows = (of: GpuRun | undefined): Float32Array => normalized(Float32Array.from(of?.rows ?? []), dim);
  const { cosine } = agreement(rows(run), rows(expected.find(({ tower }) => tower === run.tower)), dim);
  if (!(cosine >= BOUNDS[dtype]))
    throw new Error(`benchGpu: ${device} ${dtype}, ${run.tower}: expected cosines of ${BOUNDS[dtype]}, got ${cosine}`);
  return run.timings.map(
    ({ batch, perSecond }) =>
      `| ${device} | ${dtype} | ${run.tower} | ${batch} | ${perSecond.toFixed(1)} | ${run.firstMs.toFixed(0)} | ${(run.peakRss / 1e6).toFixed(0)} | ${copies} | ${cosine.toFixed(6)} |`,
  );
}

/** Both towers in one process; why not, where the device cannot be had. */
async function runDevice(folder: string, device: string, dtype: string, inputs: string, limitMs: number): Promise<GpuRun[] | string> {
  try {
    const { stdout } = await promisify(execFile)(process.execPath, [CHILD, folder, device, dtype, inputs, String(limitMs)], {
      maxBuffer: 2 ** 26,
    });
    return stdout
      .trim()
      .split("\n")
      .map((line) => JSON.parse(line) as GpuRun);
  } catch (error) {
    const { stderr = "", signal } = error as { readonly stderr?: string; readonly signal?: string };
    const line = stderr.split("\n").find((text) => /^\w*Error/u.test(text));
    return (
      line?.replace(/^\w*Error(?: \[\w+\])?: |\/onnxruntime_src.* was false\. /gu, "") ??
      `the process ended${typeof signal === "string" ? ` by ${signal}` : ""}`
    );
  }
}

/** Copies between host and device inside both towers' graphs, as ONNX Runtime's log has them; what goes in and comes out is not among them. */
async function countCopies(folder: string, device: string, dtype: string, inputs: string): Promise<number> {
  const { stdout, stderr } = await promisify(execFile)(process.execPath, [CHILD, folder, device, dtype, inputs, "0", "log"], {
    maxBuffer: 2 ** 28,
  });
  return (stdout + stderr).match(/AddCopyNode\] Add Memcpy/gu)?.length ?? 0;
}
