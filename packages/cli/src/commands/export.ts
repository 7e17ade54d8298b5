/**
 * `chinese-clip export`: the towers as ONNX files for other runtimes and servers.
 */
import { exportOnnx, type ExportOnnxOptions } from "@chinese-clip/node";
import { type Command, requiredValue, stringValue, UsageError } from "../command.js";
import { TransferProgress } from "../terminal/transfer.js";
import { HUB_OPTIONS, MODEL_OPTION, parseCount, pretrainedOptions } from "./loading-options.js";
import { printWritten } from "./print-written.js";
import { t } from "../translation/translate.js";

/** The command. */
export const exportTowers: Command = {
  options: {
    ...MODEL_OPTION,
    output: { type: "string", value: "folder", help: { en: "where the files go", zh: "输出文件夹" } },
    tower: { type: "string", value: "name", help: { en: "text, vision or both (default)", zh: "text、vision 或 both（默认）" } },
    normalize: { type: "boolean", help: { en: "features of norm 1", zh: "输出归一化的特征" } },
    "external-data": {
      type: "string",
      value: "when",
      help: { en: "weights in a file of their own: auto (default), always or never", zh: "权重单独存放：auto（默认）、always 或 never" },
    },
    triton: { type: "boolean", help: { en: "write a Triton model repository", zh: "写成 Triton 模型仓库" } },
    "max-batch": {
      type: "string",
      value: "n",
      help: { en: "rows that Triton may batch (default: 64)", zh: "Triton 可合并的批大小（默认 64）" },
    },
    ...HUB_OPTIONS,
  },
  examples: [
    "--model ./clip_cn_tuned.pt --output ./exported --normalize",
    "--model ./clip_cn_tuned.pt --output ./models --triton --max-batch 32",
  ],

  async run(values, context) {
    const [model, output] = [requiredValue(values, "model"), requiredValue(values, "output")];
    const maxBatch = stringValue(values, "max-batch");
    if (maxBatch !== undefined && values["triton"] !== true) throw new UsageError(t`--max-batch is Triton's; give --triton too`);
    const { dtype: _, ...hub } = pretrainedOptions(values, context);
    const transfer = new TransferProgress(process.stderr);
    const options: ExportOnnxOptions = {
      ...hub,
      onProgress: (event) => transfer.report(event),
      towers: choose(values, "tower", { text: ["text"], vision: ["vision"], both: ["text", "vision"] }, "both"),
      externalData: choose(values, "external-data", { auto: "auto", always: true, never: false }, "auto"),
      normalize: values["normalize"] === true,
      triton: values["triton"] === true,
      maxBatchSize: maxBatch === undefined ? undefined : parseCount("--max-batch", maxBatch),
    };
    const files = await exportOnnx(model, output, options).finally(() => transfer.end());
    await printWritten(files, context);
    return 0;
  },
};

/** @throws UsageError - a value that is none of the choices. */
function choose<const Choices extends Readonly<Record<string, unknown>>>(
  values: Parameters<Command["run"]>[0],
  option: string,
  choices: Choices,
  byDefault: keyof Choices & string,
): Choices[keyof Choices] {
  const value = stringValue(values, option) ?? byDefault;
  if (!Object.hasOwn(choices, value))
    throw new UsageError(t`--${option}: expected one of ${Object.keys(choices).join(", ")}, got ${value}`);
  return choices[value] as Choices[keyof Choices];
}
