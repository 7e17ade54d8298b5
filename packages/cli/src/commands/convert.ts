/**
 * `chinese-clip convert`: any checkpoint as a Hugging Face folder, or as cn_clip's `.pt`.
 */
import { convert as convertModel, convertToTorch } from "@chinese-clip/node";
import type { Command } from "../command.js";
import { TransferProgress } from "../terminal/transfer.js";
import { HUB_OPTIONS, MODEL_OPTION, pretrainedOptions } from "./loading-options.js";
import { printWritten } from "./print-written.js";
import { requiredValue, setting } from "../option.js";

/** The command. */
export const convert: Command = {
  options: {
    ...MODEL_OPTION,
    output: setting("path", "a folder, or a file that ends in .pt: cn_clip's format", "输出文件夹；或以 .pt 结尾的文件：cn_clip 格式"),
    ...HUB_OPTIONS,
  },
  examples: ["--model ./clip_cn_tuned.pt --output ./hugging-face", "--model ./tuned --output ./clip_cn_tuned.pt"],

  async run(values, context) {
    const [model, output] = [requiredValue(values, "model"), requiredValue(values, "output")];
    const transfer = new TransferProgress(process.stderr);
    const options = pretrainedOptions(values, context, transfer);
    const written = output.endsWith(".pt")
      ? convertToTorch(model, output, options).then((file) => [file])
      : convertModel(model, output, options);
    await printWritten(await written.finally(() => transfer.end()), context);
    return 0;
  },
};
