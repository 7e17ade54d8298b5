import { execFile } from "node:child_process";
import { cpSync, existsSync, readFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";
import { makeDrawings } from "@chinese-clip/drawings";
import { beforeAll, describe, expect, it } from "vitest";
import { scratchFolder } from "@chinese-clip/scratch-folder";
import { DEMO, type Ended, MAIN, runCli, spawnCli } from "./run-cli.js";

const { path, write } = scratchFolder();
const TINY = fileURLToPath(new URL("../../../../fixtures/tiny-vit", import.meta.url));

beforeAll(async () => {
  const drawings = await makeDrawings(12, 8);
  const rows = drawings.map(({ bytes, caption }, i) => {
    write(`images/${i}.png`, bytes);
    return `${i}.png,${caption.text}`;
  });
  write("images/pairs.csv", ["image,text", ...rows, "none.png,树"].join("\n"));
});

const train = (args: readonly string[], env?: Readonly<Record<string, string>>, run = runCli): Promise<Ended> =>
  run(["train", "--model", DEMO, "--train-data", path("images/pairs.csv"), ...args], env);

describe("a training run", () => {
  it("logs as cn_clip does, writes a model that loads, and has nothing left to do the second time", async () => {
    const args = ["--output", path("tuned"), "--freeze-vision", "--batch-size", "3", "--accum-freq", "2", "--max-steps", "3"];
    const { code, stdout } = await train([...args, "--log-interval", "1", "--val-data", path("images/pairs.csv")], {}, spawnCli);
    expect(code).toBe(0);
    const lines = stdout.trimEnd().split("\n");
    expect(lines[0]).toBe("12 pairs of 12 images (1 skipped), batches of 6, steps 0 to 3");
    expect(lines[1]).toBe("skipped: 1 whose image does not exist, such as none.png");
    expect(lines[2]).toMatch(/^memory: about \d+ MB, in chunks of 3$/);
    expect(lines[3]).toMatch(/^validation after step 0: R@1 /);
    expect(lines[4]).toMatch(
      /^Global Steps: 1\/3 \| Train Epoch: 1 \[6\/12 \(50%\)\] \| Loss: [\d.]+ \| Image2Text Acc: [\d.]+ \| Text2Image Acc: .* \| LR: 0\.000050 \| logit_scale: 3\.\d+ \| Global Batch Size: 6$/,
    );
    expect(stdout).toMatch(/validation after step 3: R@1 \/ R@5 \/ R@10, text to image [\d.]+ \/ [\d.]+ \/ [\d.]+, image to text/);
    expect(stdout).toContain(`saved: ${path("tuned")} (step 3)`);
    expect(existsSync(path("tuned/state.safetensors"))).toBe(true);
    const classified = await runCli(["classify", "--model", path("tuned"), "--labels", "树,鱼", path("images/0.png"), "--json"]);
    expect(classified.code).toBe(0);

    const [again, shown, summary] = await Promise.all([
      train([...args, "--json", "--html", path("report.html")]),
      runCli(["info", path("tuned")], { LC_ALL: "zh_CN.UTF-8" }),
      runCli(["info", path("tuned"), "--json"]),
    ]);
    expect(shown.stdout).toMatch(
      /训练 +第 3 \/ 3 步，第 2 轮\n +初始模型 .*demo-checkpoint\n +训练数据 .*pairs\.csv\n +最佳召回率 +第 \d 步后平均 /u,
    );
    expect(shown.stdout).toContain("无需：训练已完成");
    expect(JSON.parse(summary.stdout)).toMatchObject({
      training: { step: 3, steps: 3, epoch: 2, best: { step: expect.any(Number) as number } },
    });
    const page = readFileSync(path("report.html"), "utf8");
    expect(page.match(/<polyline /gu)).toHaveLength(11); // loss, two accuracies, R@1, R@5 and R@10 in both directions, rate, scale
    expect(page).not.toMatch(/<script|https?:/u);
    expect(
      again.stdout
        .trimEnd()
        .split("\n")
        .map((line) => JSON.parse(line) as unknown),
    ).toEqual([expect.objectContaining({ type: "started", step: 3, steps: 3 })]);
  });

  it("tells how an interrupted run goes on", async () => {
    const output = path("it's stopped");
    const args = [
      "--freeze-vision",
      "--batch-size",
      "3",
      "--accum-freq",
      "2",
      "--max-steps",
      "40",
      "--log-interval",
      "1",
      "--lr",
      "2e-4",
      "--seed",
      "7",
    ];
    const child = execFile(process.execPath, [
      MAIN,
      "train",
      "--model",
      DEMO,
      "--train-data",
      path("images/pairs.csv"),
      ...args,
      "--output",
      output,
    ]);
    await new Promise<void>((resolve) => child.stdout?.on("data", (text: string) => text.includes("Global Steps: 5/") && resolve()));
    child.kill("SIGINT");
    await new Promise((resolve) => child.on("close", resolve));
    const { stdout } = await runCli(["info", output, "--json"]);
    const { step, resume } = (JSON.parse(stdout) as { training: { step: number; resume: string } }).training;
    expect(step).toBeGreaterThanOrEqual(5);
    expect(resume).toContain(`--freeze-vision --batch-size 3 --accum-freq 2 --lr 0.0002 --warmup 4 --max-steps 40`);
    expect(resume.endsWith(`--output '${output.replace("'", "'\\''")}'`)).toBe(true);
    // A shell reads the command as it was meant; nothing is left to do after the last steps.
    const words = resume.replace("chinese-clip", "").replace("--max-steps 40", "--max-steps 40 --json");
    const { stdout: resumed } = await promisify(execFile)("/bin/sh", ["-c", `"${process.execPath}" "${MAIN}" ${words}`]);
    expect(JSON.parse(resumed.split("\n")[0] ?? "")).toMatchObject({ type: "started", step, steps: 40 });
  }, 60_000);

  it("takes a recipe by its options, records all of it, and names an option that is another one later", async () => {
    const output = path("recipe");
    const recipe = "--dropout 0.2 --mask-ratio 0.25 --lora-rank 2 --lora-alpha 8 --lora-targets query,value,q_proj --ema-decay 0.9".split(
      " ",
    );
    const teacher = ["--distillation", "--teacher-model", TINY, "--kd-loss-weight", "0.25", "--augment", "--grad-clip", "1.5"];
    const args = ["--model", TINY, ...recipe, ...teacher, "--batch-size", "4", "--threads", "1", "--grad-checkpointing"];
    expect(await train([...args, "--max-steps", "1", "--output", output])).toMatchObject({ code: 0 });
    const [head = ""] = readFileSync(`${output}/progress.jsonl`, "utf8").split("\n");
    expect((JSON.parse(head) as { settings: unknown }).settings).toMatchObject({
      dropout: "0.2",
      maskRatio: "0.25",
      lora: "rank 2, alpha 8, query value q_proj",
      emaDecay: "0.9",
      teacher: TINY,
      distillationWeight: "0.25",
      augment: "true",
      maxGradientNorm: "1.5",
      blocks: "true",
    });
    expect(JSON.parse(readFileSync(`${output}/adapter/adapter_config.json`, "utf8"))).toMatchObject({ r: 2, lora_alpha: 8 });
    const other = await train([...args, "--max-steps", "1", "--output", output, "--ema-decay", "0.5"], { LC_ALL: "zh_CN.UTF-8" });
    expect(other.code).toBe(1);
    expect(other.stderr).toContain(`${output}：创建时的 --ema-decay 是 0.9，本次是 0.5。请仍用 0.9，或另选文件夹`);
  });

  it("averages two runs' weights through a folder", async () => {
    const common = ["--model", TINY, "--freeze-vision", "--batch-size", "4", "--max-steps", "2", "--threads", "1"];
    const shared = ["--average-folder", path("shared"), "--average-every", "2", "--average-workers", "2"];
    const runs = await Promise.all([
      train([...common, ...shared, "--seed", "1", "--output", path("run-1")], {}, spawnCli),
      train([...common, ...shared, "--seed", "2", "--output", path("run-2"), "--average-worker", "second"], {}, spawnCli),
    ]);
    for (const { code, stdout } of runs) {
      expect(code).toBe(0);
      expect(stdout).toContain("averaged after step 2: run-1, second");
    }
    const { source } = JSON.parse(readFileSync(path("run-2/progress.jsonl"), "utf8").split("\n")[0] ?? "") as { source: unknown };
    expect(source).toMatchObject({ averaging: { folder: path("shared"), every: 2, workers: 2, worker: "second" } });
    const [a, b] = [1, 2].map((run) => readFileSync(path(`run-${run}/model.safetensors`)));
    expect(a!.equals(b!)).toBe(true);
  });

  it("says in Chinese what is wrong", async () => {
    cpSync(path("tuned/model.safetensors"), path("foreign/model.safetensors"));
    const { code, stderr } = await train(["--output", path("foreign"), "--max-steps", "1"], { LC_ALL: "zh_CN.UTF-8" });
    expect(code).toBe(1);
    expect(stderr).toContain("里面的模型不是训练写出的");
  });

  it.each([
    [["--freeze-vision", "--freeze-text"], "leave nothing to train"],
    [["--lr", "fast"], "--lr: expected a number such as 5e-5, got fast"],
    [["--lora-alpha", "8"], "--lora-alpha and --lora-targets need --lora-rank"],
    [["--distillation"], "--distillation and --teacher-model need each other"],
    [["--average-every", "5"], "--average-folder, --average-every and --average-workers need each other"],
    [["--batch-size", "0"], "--batch-size: expected an integer of at least 1, got 0"],
  ])("rejects %j", async (args, message) => {
    const { code, stderr } = await train(["--output", path("never"), ...args]);
    expect(code).toBe(2);
    expect(stderr).toContain(message);
    expect(existsSync(path("never"))).toBe(false);
  });
});
