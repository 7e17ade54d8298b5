/**
 * `npm run train`: the paper's two stages on drawings. Stage 1 teaches a text tower that knows nothing, with the image tower frozen; stage 2 trains both.
 *
 *     npm run train [-- <folder>]
 */
import { spawn } from "node:child_process";
import { mkdir, rm } from "node:fs/promises";
import { createRequire } from "node:module";
import { dirname, join, relative, resolve } from "node:path";
import { fileURLToPath } from "node:url";
import { Random } from "@chinese-clip/drawings";
import { accuracy } from "./accuracy.js";
import { draw, writePairs } from "./drawn-pairs.js";
import { writeUntrainedModel } from "./untrained-model.js";

const ROOT = fileURLToPath(new URL("../../../", import.meta.url));
const COMMAND = join(dirname(createRequire(import.meta.url).resolve("chinese-clip/package.json")), "dist", "main.js");

/** Drawings to learn from, and others to judge by. */
const [TRAINED, JUDGED] = [6000, 600];

const say = (text: string): boolean => process.stdout.write(`${text}\n`);
const percent = (share: number): string => `${(100 * share).toFixed(1)}%`;

/** Runs `chinese-clip train`, which is shown as a user would type it. */
async function train(folder: string, options: Readonly<Record<string, string | true>>): Promise<void> {
  const words = Object.entries(options).flatMap(([name, value]) => (value === true ? [`--${name}`] : [`--${name}`, value]));
  say(`\n$ chinese-clip train ${words.join(" ")}\n`);
  const child = spawn(process.execPath, [COMMAND, "train", ...words], { cwd: folder, stdio: ["ignore", "inherit", "inherit"] });
  const code = await new Promise<number | null>((done, fail) => child.on("error", fail).on("close", done));
  if (code !== 0) throw new Error(`chinese-clip train: exit code ${code}`);
}

async function run(folder: string): Promise<void> {
  await rm(folder, { recursive: true, force: true });
  await mkdir(folder, { recursive: true });
  say(`画图 Drawing ${TRAINED + JUDGED} pictures …`);
  const judged = await draw(JUDGED, 1_000_000);
  await writePairs(await draw(TRAINED, 2_000_000), join(folder, "pairs"), "train");
  await writePairs(judged, join(folder, "pairs"), "valid");
  await writeUntrainedModel(join(ROOT, "examples", "demo-checkpoint"), join(folder, "untrained"), new Random(1));
  const report = async (name: string, model: string): Promise<void> => {
    say(`${name}: ${percent(await accuracy(join(folder, model), judged))} (240 类 classes, ${JUDGED} 张 images)`);
  };
  await report("训练前 before", "untrained");

  const data = { "train-data": "pairs", "val-data": "pairs" };
  await train(folder, {
    model: "untrained",
    ...data,
    "freeze-vision": true,
    "batch-size": "192",
    "max-steps": "300",
    lr: "1e-3",
    "valid-step-interval": "100",
    output: "stage-1",
    html: "stage-1.html",
  });
  await report("第一阶段之后 after stage 1", "stage-1");
  await train(folder, {
    model: "stage-1",
    ...data,
    "batch-size": "192",
    "max-steps": "10",
    lr: "2e-5",
    "valid-step-interval": "5",
    output: "stage-2",
    html: "stage-2.html",
  });
  await report("第二阶段之后 after stage 2", "stage-2");
  const pages = ["stage-1.html", "stage-2.html"].map((page) => relative(process.cwd(), join(folder, page)));
  say(`\n网页 Pages: ${pages.join(", ")}`);
}

const [folder = join(ROOT, "examples", "out", "training")] = process.argv.slice(2);
await run(resolve(folder));
