/**
 * A step of training, loss and gradients without the optimizer, beside PyTorch where it is installed with transformers: seconds and the process's peak.
 * `CHINESE_CLIP_PYTHON` names the Python that has them; by default `python3`. Losses and the gradient's length are compared before a time is shown.
 */
import { execFile } from "node:child_process";
import { availableParallelism } from "node:os";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";

/** A model and a batch. */
interface Setting {
  readonly name: string;
  readonly folder: string;
  readonly batch: number;
  readonly sequence: number;
  readonly textOnly: boolean;
  /** Steps in all; the first is not counted. */
  readonly steps: number;
}

interface Measured {
  readonly losses: readonly number[];
  readonly seconds: readonly number[];
  /** Length of the gradient. */
  readonly norm: number;
  /** Bytes. */
  readonly peak: number;
}

const run = promisify(execFile);
const child = (name: string): string => fileURLToPath(new URL(`children/${name}`, import.meta.url));
const PYTHON = process.env["CHINESE_CLIP_PYTHON"] ?? "python3";

/** Prints a table for each setting. @param demo - the folder of the demo model. @param vitB16 - of a ViT-B/16. */
export async function benchTraining(demo: string, vitB16: string): Promise<void> {
  const settings: readonly Setting[] = [
    { name: "demo model, both towers, B=192, L=16", folder: demo, batch: 192, sequence: 16, textOnly: false, steps: 5 },
    { name: "ViT-B/16, text tower, B=32, L=52", folder: vitB16, batch: 32, sequence: 52, textOnly: true, steps: 3 },
    { name: "ViT-B/16, both towers, B=16, L=32", folder: vitB16, batch: 16, sequence: 32, textOnly: false, steps: 2 },
  ];
  const hasTorch = await run(PYTHON, ["-c", "import torch, transformers"]).then(
    () => true,
    () => false,
  );
  if (!hasTorch) console.log(`\nPyTorch is left out: ${PYTHON} has no torch with transformers (CHINESE_CLIP_PYTHON names another).`);
  console.log("\n### A step of training: loss and gradients (the least time of a step, the process's peak)\n");
  console.log(
    "| setting | contestant | s a step | of torch fp32 | peak RSS MB | of torch fp32 | loss |\n|---|---|---:|---:|---:|---:|---:|",
  );
  for (const setting of settings) await compareOne(setting, hasTorch);
  if (hasTorch)
    console.log("\nPyTorch in bfloat16 is the fastest on a processor that has instructions for it; there is no such training here.");
}

async function compareOne(setting: Setting, hasTorch: boolean): Promise<void> {
  const threads = availableParallelism();
  const measure = async (command: string, script: string, own: Readonly<Record<string, boolean>>): Promise<Measured> => {
    const json = JSON.stringify({ ...setting, threads, ...own });
    return JSON.parse((await run(command, [child(script), setting.folder, json])).stdout) as Measured;
  };
  const torch = hasTorch ? await measure(PYTHON, "training.py", { half: false }) : undefined;
  const rows: (readonly [string, Measured])[] = torch === undefined ? [] : [["torch fp32", torch]];
  for (const [name, blocks] of [["ours, one graph", false], ["ours, block by block", true]] as const) {
    const ours = await measure(process.execPath, "training.mjs", { blocks });
    if (torch !== undefined) checkSame(setting.name, name, ours, torch);
    rows.push([name, ours]);
  } // prettier-ignore
  if (hasTorch) rows.push(["torch bf16", await measure(PYTHON, "training.py", { half: true })]);
  const secondsOf = ({ seconds }: Measured): number => Math.min(...seconds.slice(1));
  const share = (value: number, whole: number | undefined): string => (whole === undefined ? "" : `${(value / whole).toFixed(2)}x`);
  for (const [name, measured] of rows) {
    const [seconds, megabytes] = [secondsOf(measured), measured.peak / 1e6];
    const cells = [
      seconds.toFixed(2),
      share(seconds, torch && secondsOf(torch)),
      megabytes.toFixed(0),
      share(megabytes, torch && torch.peak / 1e6),
    ];
    console.log(`| ${[setting.name, name, ...cells, (measured.losses[0] ?? Number.NaN).toFixed(5)].join(" | ")} |`);
  }
}

function checkSame(setting: string, name: string, ours: Measured, torch: Measured): void {
  const [loss = Number.NaN] = ours.losses;
  const [expected = Number.NaN] = torch.losses;
  if (!(Math.abs(loss - expected) <= 1e-4 * expected && Math.abs(ours.norm / torch.norm - 1) <= 1e-3))
    throw new Error(`benchTraining: ${setting}, ${name}: loss ${loss}, |gradient| ${ours.norm}; torch has ${expected}, ${torch.norm}`);
}
