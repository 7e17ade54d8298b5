/**
 * `chinese-clip train`: fine-tunes a model on pairs, with the names of cn_clip's `training/params.py` where an option means the same.
 */
import { basename, resolve } from "node:path";
import { writeWhole } from "@chinese-clip/dataset";
import { trainingPlatform } from "@chinese-clip/node";
import type { LoraOptions } from "@chinese-clip/training";
import { type AveragingOptions, type DistillationOptions, findPairs, readRun, train as trainModel } from "@chinese-clip/training/node";
import {
  type Command,
  type CommandContext,
  type CommandOption,
  type OptionValues,
  requiredValue,
  stringValue,
  UsageError,
} from "../command.js";
import { formatTrainingPage } from "../reports/training-page.js";
import { TrainingLines } from "../reports/training-lines.js";
import { TransferProgress } from "../terminal/transfer.js";
import { t } from "../translation/translate.js";
import { HUB_OPTIONS, MODEL_OPTION, parseCount, pretrainedOptions } from "./loading-options.js";

const number = (en: string, zh: string, value = "n"): CommandOption => ({ type: "string", value, help: { en, zh } });

/** The command. */
export const train: Command = {
  options: {
    ...MODEL_OPTION,
    "train-data": number(
      "a .csv or .jsonl list, a folder of images with .txt captions, cn_clip's folder of train_imgs.tsv and train_texts.jsonl, or webdataset:{0..9}.tar",
      ".csv 或 .jsonl 列表、图片及同名 .txt 描述的文件夹、cn_clip 的 train_imgs.tsv 与 train_texts.jsonl 所在文件夹，或 webdataset:{0..9}.tar",
      "path",
    ),
    "val-data": number("the same, to measure retrieval on (cn_clip's: valid_*)", "同上，用于评测检索（cn_clip 格式取 valid_*）", "path"),
    output: number(
      "the run's folder; the tuned model, and what a stopped run goes on from",
      "运行的文件夹：微调后的模型，以及中断后继续所需的状态",
      "folder",
    ),
    "freeze-vision": { type: "boolean", help: { en: "train the text tower alone: several times as fast", zh: "只训练文本塔：快数倍" } },
    "freeze-text": { type: "boolean", help: { en: "train the image tower alone", zh: "只训练图像塔" } },
    "batch-size": number("pairs that are computed at once (default 128)", "一次计算的图文对数（默认 128）"),
    "accum-freq": number("how many of these make a batch (default 1)", "几次合成一个批次（默认 1）"),
    "grad-checkpointing": {
      type: "boolean",
      help: {
        en: "compute block by block: less memory, a quarter more time (default: where memory is short)",
        zh: "逐块计算：更省内存，时间多四分之一（默认：内存不足时启用）",
      },
    },
    memory: number("MB that the process may take (default: most of what is free)", "进程可用的内存，MB（默认大部分空闲内存）", "MB"),
    "max-epochs": number("how often all pairs are gone through (default 3)", "遍历数据的次数（默认 3）"),
    "max-steps": number("steps in all, in the place of --max-epochs", "总步数，代替 --max-epochs"),
    lr: number("highest learning rate (default 5e-5)", "最大学习率（默认 5e-5）", "rate"),
    wd: number("weight decay (default 0.001)", "权重衰减（默认 0.001）", "rate"),
    warmup: number("steps until the rate is reached (default 100, at most a tenth)", "预热步数（默认 100，最多十分之一）"),
    "grad-clip": number("longest gradient; a longer one is scaled down (default: any)", "梯度的最大长度，超过则缩短（默认不限）", "norm"),
    dropout: number(
      "what BERT drops in training (default 0.1, as cn_clip; 0 is off)",
      "训练时 BERT 的 dropout（默认 0.1，同 cn_clip；0 为关闭）",
      "share",
    ),
    "mask-ratio": number(
      "FLIP: share of an image's patches that are not seen in training (default 0)",
      "FLIP：训练时遮住的图像块比例（默认 0）",
      "share",
    ),
    "lora-rank": number("train adapters of this rank (LoRA) in the place of the weights", "只训练该秩的适配器（LoRA），不动权重", "r"),
    "lora-alpha": number(
      "what they are multiplied by, over the rank (default: twice the rank)",
      "适配器的系数，除以秩后生效（默认为秩的两倍）",
      "n",
    ),
    "lora-targets": number(
      "ends of the layers' names, separated by commas (default query,value,q_proj,v_proj)",
      "带适配器的层，写名称结尾，用逗号分隔（默认 query,value,q_proj,v_proj）",
      "list",
    ),
    "ema-decay": number("validate and save a moving average of the weights, such as 0.999", "评测并保存权重的滑动平均，如 0.999", "share"),
    distillation: {
      type: "boolean",
      help: { en: "learn the images' features from --teacher-model, too", zh: "同时向 --teacher-model 学习图像特征" },
    },
    "teacher-model": number("the teacher: a hub's name or a folder", "教师模型：hub 上的名称或文件夹", "model"),
    "kd-loss-weight": number("what its loss is multiplied by (default 0.5)", "蒸馏损失的权重（默认 0.5）"),
    augment: {
      type: "boolean",
      help: { en: "random crops and mirror images; not where texts say 左 or 右", zh: "随机裁剪与左右翻转；文本含“左、右”时勿用" },
    },
    "average-folder": number(
      "average the weights with other runs' through this folder; approximate",
      "经该文件夹与其他机器上的训练平均权重（近似）",
      "folder",
    ),
    "average-every": number("steps from one average to the next", "每隔多少步平均一次"),
    "average-workers": number("how many runs there are", "共有几个训练"),
    "average-worker": number("this run's name among them (default: its folder's)", "本训练的名称（默认取输出文件夹名）", "name"),
    "average-wait": number(
      "seconds to wait for the others (default 60); who is later is left out",
      "等待其他训练的秒数（默认 60），迟到的不计入",
    ),
    "context-length": number("tokens of a text (default: of the longest, at most 52)", "文本的 token 数（默认取最长文本，最多 52）"),
    "save-step-frequency": number("steps from save to save (default: an epoch)", "每隔多少步保存（默认每轮）"),
    "valid-step-interval": number("steps from validation to validation (default: an epoch)", "每隔多少步评测（默认每轮）"),
    html: number("write a page with the run's curves, also of a run that was stopped", "写出含训练曲线的网页；中途停止时也会写", "file"),
    "log-interval": number("steps from log line to log line (default 10)", "每隔多少步输出一行日志（默认 10）"),
    seed: number("what the pairs' order follows from (default 123)", "决定数据顺序的种子（默认 123）"),
    threads: number("threads for one operator", "单个算子使用的线程数"),
    ...HUB_OPTIONS,
  },
  examples: [
    "--model OFA-Sys/chinese-clip-vit-base-patch16 --train-data pairs.csv --val-data held-out.csv --freeze-vision --batch-size 32 --output tuned",
    "--model tuned --train-data MUGE --batch-size 8 --accum-freq 4 --output tuned-both",
  ],

  async run(values, context) {
    const [model, path, output] = [requiredValue(values, "model"), requiredValue(values, "train-data"), requiredValue(values, "output")];
    const [chunkSize, accumulated] = [count(values, "batch-size") ?? 128, count(values, "accum-freq") ?? 1];
    const freeze = frozenTower(values);
    const memory = count(values, "memory");
    const [validation, html] = [stringValue(values, "val-data"), stringValue(values, "html")];
    const transfer = new TransferProgress(process.stderr);
    const settings = {
      epochs: count(values, "max-epochs"),
      steps: count(values, "max-steps"),
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
      warmup: stringValue(values, "warmup") === "0" ? 0 : count(values, "warmup"),
      contextLength: count(values, "context-length"),
      saveEvery: count(values, "save-step-frequency"),
      validateEvery: count(values, "valid-step-interval"),
      seed: count(values, "seed"),
      numThreads: count(values, "threads"),
    };
    const lines = new TrainingLines(context, count(values, "log-interval") ?? 10);
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
    } finally {
      transfer.end();
      lines.end();
      if (html !== undefined) await writeReport(output, html, context);
    }
    return 0;
  },
};

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
  const rank = count(values, "lora-rank");
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
  const [every, workers] = [count(values, "average-every"), count(values, "average-workers")];
  const worker = stringValue(values, "average-worker") ?? basename(resolve(output));
  if (folder !== undefined && every !== undefined && workers !== undefined)
    return { folder, every, workers, worker, patience: count(values, "average-wait") };
  if (folder !== undefined || every !== undefined || workers !== undefined)
    throw new UsageError(t`--average-folder, --average-every and --average-workers need each other`);
  return undefined;
}

function count(values: OptionValues, name: string): number | undefined {
  const value = stringValue(values, name);
  return value === undefined ? undefined : parseCount(`--${name}`, value);
}

function rate(values: OptionValues, name: string): number | undefined {
  const value = stringValue(values, name);
  if (value === undefined) return undefined;
  if (!/^(?:\d{1,20}(?:\.\d{0,20})?|\.\d{1,20})(?:e-?\d{1,3})?$/iu.test(value))
    throw new UsageError(t`--${name}: expected a number such as 5e-5, got ${value}`);
  return Number(value);
}
