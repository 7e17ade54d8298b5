/**
 * `chinese-clip info`: what a model is, what would be loaded of it, and what is wrong with it.
 */
import type { ChineseCLIPConfig } from "@chinese-clip/model";
import { readRun } from "@chinese-clip/training/node";
import type { Command, CommandContext } from "../command.js";
import { t } from "../translation/translate.js";
import { runRows, runSummary } from "../inspection/training-run.js";
import { messageIn } from "../translation/translate-error.js";
import { type Inspection, inspectModel } from "../inspection/inspect-model.js";
import type { ModelKind } from "../inspection/model-kind.js";
import { displayWidth, widest } from "../terminal/table.js";
import { formatBytes, TransferProgress } from "../terminal/transfer.js";
import { HUB_OPTIONS, pretrainedOptions } from "./loading-options.js";
import { oneOperand } from "../option.js";

/** Problems and unused tensors that are printed; JSON has all. */
const SHOWN = 10;

/** The command. */
export const info: Command = {
  operands: "<file | folder | hub name>",
  options: HUB_OPTIONS,
  examples: ["./clip_cn_vit-b-16.pt", "OFA-Sys/chinese-clip-vit-base-patch16 --offline"],

  async run(values, context, operands) {
    const source = oneOperand(operands, t`a checkpoint's file or folder, or a hub's name of a model`);
    const transfer = new TransferProgress(process.stderr);
    const inspection = await inspectModel(source, pretrainedOptions(values, context, transfer)).finally(() => transfer.end());
    const run = await readRun(source);
    if (context.json)
      context.print(
        JSON.stringify(
          {
            ...inspection,
            ...(run === undefined ? {} : { training: runSummary(run, source) }),
            config: inspection.config?.toJSON() ?? null,
            problems: inspection.problems.map(({ code, message }) => ({ code, message })),
          },
          null,
          2,
        ),
      );
    else printInspection(inspection, run === undefined ? [] : runRows(runSummary(run, source), context.language), context);
    return inspection.problems.length > 0 ? 1 : 0;
  },
};

const KINDS: Readonly<Record<ModelKind["naming"], string>> = {
  "hugging-face": "Hugging Face",
  cn_clip: "cn_clip",
  "onnx-export": "ONNX export",
};
const FORMATS: Readonly<Record<ModelKind["format"], string>> = {
  safetensors: "safetensors",
  "torch-zip": "PyTorch (zip)",
  "torch-legacy": "PyTorch (legacy pickle)",
  onnx: "one graph of both towers",
};

function printInspection(inspection: Inspection, more: readonly (readonly [string, string])[], { language, print }: CommandContext): void {
  const zh = language === "zh";
  const { source, kind, files, weightsHere, config, towers, vocabulary, logitScale, unused, problems, architecture, dtypes } = inspection;
  const rows: (readonly [name: string, value: string])[] = [];
  const add = (en: string, chinese: string, value: string | undefined): void => {
    if (value !== undefined) rows.push([zh ? chinese : en, value]);
  };
  add("kind", "类型", kind && `${KINDS[kind.naming]}, ${FORMATS[kind.format]}`);
  if (!weightsHere) {
    add(
      "weights",
      "权重",
      zh ? `未下载；先运行 chinese-clip download ${source}` : `not fetched; chinese-clip download ${source} does that`,
    );
  }
  add("model", "模型", architecture);
  if (config !== undefined && towers !== undefined) {
    add("image tower", "图像塔", `${visionText(config, zh)}; ${towerText(towers.vision, zh)}`);
    add("text tower", "文本塔", `${textText(config, zh)}; ${towerText(towers.text, zh)}`);
    add("embedding", "特征", zh ? `${config.projectionDim} 维` : `${config.projectionDim} values`);
  }
  add("logit scale", "logit 尺度", logitScale?.toFixed(2));
  add("vocabulary", "词表", vocabulary === undefined ? undefined : zh ? `${vocabulary} 项` : `${vocabulary} entries`);
  for (const [dtype, { tensors, bytes }] of Object.entries(dtypes)) {
    add(
      "stored as",
      "存储格式",
      zh ? `${dtype}，${tensors} 个张量，${formatBytes(bytes)}` : `${dtype}, ${tensors} tensors, ${formatBytes(bytes)}`,
    );
  }
  if (unused.length > 0) {
    const names = unused.slice(0, 3).join(", ") + (unused.length > 3 ? ", …" : "");
    add("not read", "不使用", zh ? `${unused.length} 个张量：${names}` : `${unused.length} tensors: ${names}`);
  }
  for (const row of more) rows.push(row);
  print(source);
  print(columns(rows));
  print(`\n${zh ? "文件" : "files"}`);
  print(
    columns(
      files.map(({ name, bytes }) => [bytes === undefined ? (zh ? "未下载" : "not here") : formatBytes(bytes), name] as const),
      true,
    ),
  );
  print(
    `\n${problems.length === 0 ? (zh ? "未发现问题" : weightsHere ? "no problems" : "no problems in what is here") : zh ? `${problems.length} 个问题` : `${problems.length} ${problems.length === 1 ? "problem" : "problems"}`}`,
  );
  for (const problem of problems.slice(0, SHOWN)) print(`  ${messageIn(problem, language)}`);
  if (problems.length > SHOWN) print(zh ? `  ……其余见 --json` : `  … and ${problems.length - SHOWN} more, all in --json`);
}

function visionText({ visionConfig: vision }: ChineseCLIPConfig, zh: boolean): string {
  const size = `${vision.imageSize}×${vision.imageSize}`;
  if (vision.kind === "modifiedResNet")
    return zh
      ? `ResNet，${vision.layers.join("-")} 块，宽 ${vision.width}，${size} 像素`
      : `ResNet, ${vision.layers.join("-")} blocks, width ${vision.width}, ${size} pixels`;
  const { numHiddenLayers: layers, hiddenSize: width, patchSize } = vision;
  return zh
    ? `ViT，${layers} 层，宽 ${width}，块 ${patchSize}，${size} 像素`
    : `ViT, ${layers} layers of ${width}, patch ${patchSize}, ${size} pixels`;
}

function textText({ textConfig: { numHiddenLayers: layers, hiddenSize: width, vocabSize } }: ChineseCLIPConfig, zh: boolean): string {
  return zh ? `BERT，${layers} 层，宽 ${width}，${vocabSize} 个词` : `BERT, ${layers} layers of ${width}, ${vocabSize} tokens`;
}

function towerText({ parameters, bytes }: { readonly parameters: number; readonly bytes: number | undefined }, zh: boolean): string {
  const count = parameters >= 1e6 ? `${(parameters / 1e6).toFixed(1)}M` : `${(parameters / 1e3).toFixed(1)}k`;
  return `${count} ${zh ? "参数" : "parameters"}${bytes === undefined ? "" : `, ${formatBytes(bytes)}`}`;
}

/** Two columns, the first to the left or to the right. */
function columns(rows: readonly (readonly [string, string])[], right = false): string {
  const width = widest(rows.map(([first]) => first));
  return rows
    .map(([first, second]) => {
      const space = " ".repeat(width - displayWidth(first));
      return `  ${right ? space + first : first + space}  ${second}`;
    })
    .join("\n");
}
