/**
 * `chinese-clip train`: fine-tunes a model on pairs, with the names of cn_clip's `training/params.py` where an option means the same.
 */
import { basename, resolve } from "node:path";
import { writeWhole } from "@chinese-clip/dataset";
import { trainingPlatform } from "@chinese-clip/node";
import { type LoraOptions, TrainingError } from "@chinese-clip/training";
import { type AveragingOptions, type DistillationOptions, findPairs, readRun, train as trainModel } from "@chinese-clip/training/node";
import type { Command, CommandContext } from "../command.js";
import { optionOf } from "../inspection/training-run.js";
import { formatTrainingPage } from "../reports/training-page.js";
import { TrainingLines } from "../reports/training-lines.js";
import { TransferProgress } from "../terminal/transfer.js";
import { CommandError, t } from "../translation/translate.js";
import { HUB_OPTIONS, MODEL_OPTION, pretrainedOptions } from "./loading-options.js";
import { countValue, flag, type OptionValues, requiredValue, setting, stringValue, UsageError } from "../option.js";

/** The command. */
export const train: Command = {
  options: {
    ...MODEL_OPTION,
    "train-data": setting(
      "path",
      "a .csv or .jsonl list, a folder of images with .txt captions, cn_clip's folder of train_imgs.tsv and train_texts.jsonl, or webdataset:{0..9}.tar",
      ".csv 或 .jsonl 列表、图片及同名 .txt 描述的文件夹、cn_clip 的 train_imgs.tsv 与 train_texts.jsonl 所在文件夹，或 webdataset:{0..9}.tar",
    ),
    "val-data": setting("path", "the same, to measure retrieval on (cn_clip's: valid_*)", "同上，用于评测检索（cn_clip 格式取 valid_*）"),
    output: setting(
      "folder",
      "the run's folder: the tuned model, and the state from which a stopped run resumes",
      "运行的文件夹：微调后的模型，以及中断后继续所需的状态",
    ),
    "freeze-vision": flag("train the text tower alone: several times as fast", "只训练文本塔：快数倍"),
    "freeze-text": flag("train the image tower alone", "只训练图像塔"),
    "batch-size": setting("n", "pairs computed at once (default 128)", "一次计算的图文对数（默认 128）"),
    "accum-freq": setting("n", "chunks of --batch-size that make one batch (default 1)", "几次合成一个批次（默认 1）"),
    "grad-checkpointing": flag(
      "compute block by block: less memory, a quarter more time (default: where memory is short)",
      "逐块计算：更省内存，时间多四分之一（默认：内存不足时启用）",
    ),
    memory: setting("MB", "MB that the process may take (default: most of what is free)", "进程可用的内存，MB（默认大部分空闲内存）"),
    "max-epochs": setting("n", "epochs: how often each pair is seen (default 3)", "遍历数据的次数（默认 3）"),
    "max-steps": setting("n", "total number of steps, instead of --max-epochs", "总步数，代替 --max-epochs"),
    lr: setting("rate", "highest learning rate (default 5e-5)", "最大学习率（默认 5e-5）"),
    wd: setting("rate", "weight decay (default 0.001)", "权重衰减（默认 0.001）"),
    warmup: setting("n", "steps of linear warm-up (default 100, at most a tenth)", "预热步数（默认 100，最多十分之一）"),
    "grad-clip": setting(
      "norm",
      "maximum norm of the gradient; a larger one is scaled down (default: no limit)",
      "梯度范数上限，超过时按比例缩小（默认不限）",
    ),
    dropout: setting(
      "share",
      "BERT's dropout in training (default 0.1, as cn_clip; 0 is off)",
      "训练时 BERT 的 dropout（默认 0.1，同 cn_clip；0 为关闭）",
    ),
    "mask-ratio": setting(
      "share",
      "FLIP: share of an image's patches that are masked in training (default 0)",
      "FLIP：训练时遮住的图像块比例（默认 0）",
    ),
    "lora-rank": setting("r", "train adapters of this rank (LoRA) instead of the weights", "只训练该秩的适配器（LoRA），不动权重"),
    "lora-alpha": setting(
      "n",
      "scale of the adapters, divided by the rank (default: twice the rank)",
      "适配器的系数，除以秩后生效（默认为秩的两倍）",
    ),
    "lora-targets": setting(
      "list",
      "ends of the layers' names, separated by commas (default query,value,q_proj,v_proj)",
      "带适配器的层，写名称结尾，用逗号分隔（默认 query,value,q_proj,v_proj）",
    ),
    "ema-decay": setting("share", "validate and save a moving average of the weights, such as 0.999", "评测并保存权重的滑动平均，如 0.999"),
    distillation: flag("also learn the image features of --teacher-model", "同时向 --teacher-model 学习图像特征"),
    "teacher-model": setting("model", "the teacher: a hub's name or a folder", "教师模型：hub 上的名称或文件夹"),
    "kd-loss-weight": setting("n", "weight of its loss (default 0.5)", "蒸馏损失的权重（默认 0.5）"),
    augment: flag("random crops and mirror images; not where texts say 左 or 右", "随机裁剪与左右翻转；文本含“左、右”时勿用"),
    "average-folder": setting(
      "folder",
      "average the weights with other runs' through this folder or s3://bucket/prefix; approximate",
      "经该文件夹或 s3://桶/前缀 与其他机器上的训练平均权重（近似）",
    ),
    "average-every": setting("n", "steps from one average to the next", "每隔多少步平均一次"),
    "average-workers": setting("n", "how many runs there are", "共有几个训练"),
    "average-worker": setting("name", "this run's name among them (default: its folder's)", "本训练的名称（默认取输出文件夹名）"),
    "average-wait": setting(
      "n",
      "seconds to wait for the others (default 60); later ones are left out",
      "等待其他训练的秒数（默认 60），迟到的不计入",
    ),
    "context-length": setting("n", "tokens of a text (default: of the longest, at most 52)", "文本的 token 数（默认取最长文本，最多 52）"),
    "save-step-frequency": setting("n", "steps from save to save (default: an epoch)", "每隔多少步保存（默认每轮）"),
    "valid-step-interval": setting("n", "steps from validation to validation (default: an epoch)", "每隔多少步评测（默认每轮）"),
    html: setting("file", "write a page with the run's curves, also of a run that was stopped", "写出含训练曲线的网页；中途停止时也会写"),
    "log-interval": setting("n", "steps from log line to log line (default 10)", "每隔多少步输出一行日志（默认 10）"),
    seed: setting("n", "seed of the pairs' order (default 123)", "决定数据顺序的种子（默认 123）"),
    threads: setting("n", "threads for one operator", "单个算子使用的线程数"),
    ...HUB_OPTIONS,
  },
  examples: [
    "--model OFA-Sys/chinese-clip-vit-base-patch16 --train-data pairs.csv --val-data held-out.csv --freeze-vision --batch-size 32 --output tuned",
    "--model tuned --train-data MUGE --batch-size 8 --accum-freq 4 --output tuned-both",
  ],

  async run(values, context) {
    const [model, path, output] = [requiredValue(values, "model"), requiredValue(values, "train-data"), requiredValue(values, "output")];
    const [chunkSize, accumulated] = [countValue(values, "batch-size") ?? 128, countValue(values, "accum-freq") ?? 1];
    const freeze = frozenTower(values);
    const memory = countValue(values, "memory");
    const [validation, html] = [stringValue(values, "val-data"), stringValue(values, "html")];
    const transfer = new TransferProgress(process.stderr);
    const settings = {
      epochs: countValue(values, "max-epochs"),
      steps: countValue(values, "max-steps"),
      learningRate: rate(values, "lr"),
      weightDecay: rate(values, "wd"),
      maxGradientNorm: rate(values, "grad-clip"),
      dropout: rate(values, "dropout"),
      maskRatio: rate(values, "mask-ratio"),
      lora: adapters(values),
      emaDecay: rate(values, "ema-decay"),
      distillation: teacher(values),
      augment: values["augment"] === true,
      averaging: averaging(values, output),
      warmup: stringValue(values, "warmup") === "0" ? 0 : countValue(values, "warmup"),
      contextLength: countValue(values, "context-length"),
      saveEvery: countValue(values, "save-step-frequency"),
      validateEvery: countValue(values, "valid-step-interval"),
      seed: countValue(values, "seed"),
      numThreads: countValue(values, "threads"),
    };
    const lines = new TrainingLines(context, countValue(values, "log-interval") ?? 10);
    const { numThreads: _, ...source } = pretrainedOptions(values, context, transfer);
    const data = await findPairs(path, "train");
    const batchSize = Math.min(chunkSize * accumulated, Math.max(data.pairs.length, 2));
    try {
      const events = trainModel({
        platform: trainingPlatform,
        model,
        data,
        validation: validation === undefined ? undefined : await findPairs(validation, "valid"),
        output,
        freeze,
        batchSize,
        chunkSize: accumulated > 1 && batchSize === chunkSize * accumulated ? chunkSize : undefined,
        blocks: values["grad-checkpointing"] === true ? true : undefined,
        memory: memory === undefined ? undefined : memory * 1e6,
        source,
        signal: context.signal,
        ...settings,
      });
      for await (const event of events) lines.report(event);
    } catch (error) {
      throw withOptions(error);
    } finally {
      transfer.end();
      lines.end();
      if (html !== undefined) await writeReport(output, html, context);
    }
    return 0;
  },
};

/** An error that names a setting, with the option that the user gave it by. */
function withOptions(error: unknown): unknown {
  if (!(error instanceof TrainingError) || error.code !== "other-settings") return error;
  const { file, option, recorded, current } = error.details;
  return new CommandError(
    t`${file}: was created with ${optionOf(String(option))} ${recorded}; this run has ${current}. Use ${recorded} again, or name another folder`,
    { cause: error },
  );
}

/** Writes the page of the run's curves, of whatever it has reached. */
async function writeReport(folder: string, html: string, { language, note }: CommandContext): Promise<void> {
  const run = await readRun(folder);
  if (run === undefined) return;
  await writeWhole(html, formatTrainingPage({ run, folder, date: new Date(), language }));
  note(`→ ${html}`);
}

function frozenTower(values: OptionValues): "vision" | "text" | undefined {
  if (values["freeze-vision"] === true && values["freeze-text"] === true)
    throw new UsageError(t`--freeze-vision and --freeze-text leave nothing to train; give one of them`);
  return values["freeze-vision"] === true ? "vision" : values["freeze-text"] === true ? "text" : undefined;
}

/** LoRA, where a rank is given. */
function adapters(values: OptionValues): LoraOptions | undefined {
  const rank = countValue(values, "lora-rank");
  const [alpha, targets] = [rate(values, "lora-alpha"), stringValue(values, "lora-targets")];
  if (rank !== undefined) return { rank, alpha, targets: targets?.split(",").map((name) => name.trim()) };
  if (alpha !== undefined || targets !== undefined) throw new UsageError(t`--lora-alpha and --lora-targets need --lora-rank`);
  return undefined;
}

/** cn_clip's distillation: an option that says so, and the teacher. */
function teacher(values: OptionValues): DistillationOptions | undefined {
  const [model, weight] = [stringValue(values, "teacher-model"), rate(values, "kd-loss-weight")];
  if ((values["distillation"] === true) !== (model !== undefined))
    throw new UsageError(t`--distillation and --teacher-model need each other`);
  return model === undefined ? undefined : { teacher: model, weight };
}

/** Averaging with other runs, where a folder is given. */
function averaging(values: OptionValues, output: string): AveragingOptions | undefined {
  const folder = stringValue(values, "average-folder");
  const [every, workers] = [countValue(values, "average-every"), countValue(values, "average-workers")];
  const worker = stringValue(values, "average-worker") ?? basename(resolve(output));
  if (folder !== undefined && every !== undefined && workers !== undefined)
    return { folder, every, workers, worker, patience: countValue(values, "average-wait") };
  if (folder !== undefined || every !== undefined || workers !== undefined)
    throw new UsageError(t`--average-folder, --average-every and --average-workers need each other`);
  return undefined;
}

function rate(values: OptionValues, name: string): number | undefined {
  const value = stringValue(values, name);
  if (value === undefined) return undefined;
  if (!/^(?:\d{1,20}(?:\.\d{0,20})?|\.\d{1,20})(?:e-?\d{1,3})?$/iu.test(value))
    throw new UsageError(t`--${name}: expected a number such as 5e-5, got ${value}`);
  return Number(value);
}
