/**
 * `chinese-clip export`: the towers as ONNX files for other runtimes and servers.
 */
import { exportOnnx, type ExportOnnxOptions } from "@chinese-clip/node";
import type { Command } from "../command.js";
import { TransferProgress } from "../terminal/transfer.js";
import { HUB_OPTIONS, MODEL_OPTION, pretrainedOptions } from "./loading-options.js";
import { printWritten } from "./print-written.js";
import { t } from "../translation/translate.js";
import { choiceValue, countValue, flag, requiredValue, setting, UsageError } from "../option.js";

/** The command. */
export const exportTowers: Command = {
  options: {
    ...MODEL_OPTION,
    output: setting("folder", "where the files go", "输出文件夹"),
    tower: setting("name", "text, vision or both (default)", "text、vision 或 both（默认）"),
    normalize: flag("features of norm 1", "输出归一化的特征"),
    "external-data": setting(
      "when",
      "weights in a file of their own: auto (default), always or never",
      "权重单独存放：auto（默认）、always 或 never",
    ),
    triton: flag("write a Triton model repository", "写成 Triton 模型仓库"),
    "max-batch": setting("n", "rows that Triton may batch (default: 64)", "Triton 可合并的批大小（默认 64）"),
    ...HUB_OPTIONS,
  },
  examples: [
    "--model ./clip_cn_tuned.pt --output ./exported --normalize",
    "--model ./clip_cn_tuned.pt --output ./models --triton --max-batch 32",
  ],

  async run(values, context) {
    const [model, output] = [requiredValue(values, "model"), requiredValue(values, "output")];
    const tower = choiceValue(values, "tower", ["text", "vision", "both"]) ?? "both";
    const externalData = choiceValue(values, "external-data", ["auto", "always", "never"]) ?? "auto";
    if (values["max-batch"] !== undefined && values["triton"] !== true) throw new UsageError(t`--max-batch is Triton's; give --triton too`);
    const { dtype: _, ...hub } = pretrainedOptions(values, context);
    const transfer = new TransferProgress(process.stderr);
    const options: ExportOnnxOptions = {
      ...hub,
      onProgress: (event) => transfer.report(event),
      towers: tower === "both" ? ["text", "vision"] : [tower],
      externalData: externalData === "auto" ? "auto" : externalData === "always",
      normalize: values["normalize"] === true,
      triton: values["triton"] === true,
      maxBatchSize: countValue(values, "max-batch"),
    };
    const files = await exportOnnx(model, output, options).finally(() => transfer.end());
    await printWritten(files, context);
    return 0;
  },
};
