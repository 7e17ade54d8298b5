/** What a training run's folder has reached, and the command that resumes it. */
import { meanRecall, type TrainingRun } from "@chinese-clip/training/node";

/** A run in short. */
export interface RunSummary {
  /** Steps that are saved. */
  readonly step: number;
  readonly steps: number | undefined;
  readonly epoch: number | undefined;
  /** The model that it started from. */
  readonly model: string | undefined;
  readonly data: string | undefined;
  readonly best:
    | { readonly step: number; readonly meanRecall: number; readonly textToImageR1: number; readonly imageToTextR1: number }
    | undefined;
  /** The command that goes on; undefined for a run that is done. */
  readonly resume: string | undefined;
}

/** Sums a run up. */
export function runSummary(run: TrainingRun, folder: string): RunSummary {
  const { savedStep, totalSteps, steps, best, source } = run;
  return {
    step: savedStep,
    steps: totalSteps,
    epoch: steps.findLast(({ step }) => step <= savedStep)?.epoch,
    model: source.model,
    data: source.data,
    best: best && {
      step: best.step,
      meanRecall: meanRecall(best),
      textToImageR1: best.textToImage.r1,
      imageToTextR1: best.imageToText.r1,
    },
    resume: totalSteps !== undefined && savedStep >= totalSteps ? undefined : resumeCommand(run, folder),
  };
}

/** The rows of `info`. */
export function runRows({ step, steps, epoch, model, data, best, resume }: RunSummary, language: "en" | "zh"): [string, string][] {
  const say = (en: string, zh: string): string => (language === "zh" ? zh : en);
  const percent = (share: number): string => `${(100 * share).toFixed(1)}%`;
  const rows: [string, string][] = [];
  const of = steps === undefined ? "" : ` / ${steps}`;
  const inEpoch = epoch === undefined ? "" : say(`, epoch ${epoch}`, `，第 ${epoch} 轮`);
  rows.push([say("training run", "训练"), say(`step ${step}${of}${inEpoch}`, `第 ${step}${of} 步${inEpoch}`)]);
  if (model !== undefined) rows.push([say("trained from", "初始模型"), model]);
  if (data !== undefined) rows.push([say("trained on", "训练数据"), data]);
  if (best !== undefined) {
    const [mean, text, image] = [best.meanRecall, best.textToImageR1, best.imageToTextR1].map(percent);
    rows.push([say("best recall", "最佳召回率"), say(`mean ${mean} after step ${best.step}; R@1 text to image ${text}, image to text ${image}`, `第 ${best.step} 步后平均 ${mean}；R@1 文搜图 ${text}，图搜文 ${image}`)]); // prettier-ignore
  }
  rows.push([say("resume with", "继续训练"), resume ?? say("nothing: the run is done", "无需：训练已完成")]);
  return rows;
}

/** Options that take a setting's value as it is. */
const OPTIONS: Readonly<Record<string, string>> = {
  learningRate: "lr",
  warmup: "warmup",
  steps: "max-steps",
  weightDecay: "wd",
  contextLength: "context-length",
  seed: "seed",
  dropout: "dropout",
};

/** The same for settings that a run need not have. */
const OTHER_OPTIONS: Readonly<Record<string, string>> = {
  maxGradientNorm: "grad-clip",
  maskRatio: "mask-ratio",
  emaDecay: "ema-decay",
};

/** Settings that options of another kind make. */
const MADE_BY: Readonly<Record<string, string>> = {
  model: "model",
  pairs: "train-data",
  freeze: "freeze-vision/text",
  batchSize: "batch-size × --accum-freq",
  chunkSize: "batch-size",
  blocks: "grad-checkpointing",
  lora: "lora-rank/alpha/targets",
  teacher: "teacher-model",
  distillationWeight: "kd-loss-weight",
  augment: "augment",
};

/** The option of the command that a run's setting comes from. */
export function optionOf(setting: string): string {
  return `--${OPTIONS[setting] ?? OTHER_OPTIONS[setting] ?? MADE_BY[setting] ?? setting}`;
}

/** What a setting is where its option is not given. */
const OFF: ReadonlySet<string | undefined> = new Set([undefined, "0", "none", "any", "false"]);

function resumeCommand({ settings, source }: TrainingRun, folder: string): string {
  const words = ["chinese-clip", "train"];
  const add = (name: string, value: string | undefined): void => {
    if (value !== undefined) words.push(`--${name}`, shellWord(value));
  };
  add("model", source.model ?? folder);
  add("train-data", source.data);
  add("val-data", source.validation);
  const { freeze, batchSize, chunkSize } = settings;
  if (freeze === "vision" || freeze === "text") words.push(`--freeze-${freeze}`);
  if (batchSize !== undefined && chunkSize !== undefined) {
    add("batch-size", chunkSize);
    if (batchSize !== chunkSize) add("accum-freq", String(Number(batchSize) / Number(chunkSize)));
  }
  for (const [setting, option] of Object.entries(OPTIONS)) add(option, settings[setting]);
  for (const [setting, option] of Object.entries(OTHER_OPTIONS)) if (!OFF.has(settings[setting])) add(option, settings[setting]);
  const [, rank, alpha, targets] = /^rank (\d+), alpha ([\d.e-]+), (.*)$/u.exec(settings["lora"] ?? "") ?? [];
  add("lora-rank", rank);
  add("lora-alpha", alpha);
  add("lora-targets", targets?.replaceAll(" ", ","));
  const { teacher, distillationWeight, augment } = settings;
  if (!OFF.has(teacher)) {
    words.push("--distillation");
    add("teacher-model", teacher);
    add("kd-loss-weight", distillationWeight);
  }
  if (augment === "true") words.push("--augment");
  const { folder: shared, every, workers, worker, patience } = source.averaging ?? {};
  add("average-folder", shared);
  add("average-every", every?.toString());
  add("average-workers", workers?.toString());
  add("average-worker", worker);
  add("average-wait", patience?.toString());
  add("output", folder);
  return words.join(" ");
}

/** A word as a POSIX shell reads it. */
function shellWord(text: string): string {
  return /^[\w./:@%+=,~-]+$/u.test(text) ? text : `'${text.replaceAll("'", `'\\''`)}'`;
}
