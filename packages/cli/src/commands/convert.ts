/**
 * `chinese-clip convert`: any checkpoint as a Hugging Face folder.
 */
import { convert as convertModel } from "@chinese-clip/node";
import { type Command, requiredValue } from "../command.js";
import { TransferProgress } from "../terminal/transfer.js";
import { HUB_OPTIONS, MODEL_OPTION, pretrainedOptions } from "./loading-options.js";
import { printWritten } from "./print-written.js";

/** The command. */
export const convert: Command = {
  options: {
    ...MODEL_OPTION,
    output: { type: "string", value: "folder", help: { en: "where the files go", zh: "输出文件夹" } },
    ...HUB_OPTIONS,
  },
  examples: ["--model ./clip_cn_tuned.pt --output ./hugging-face"],

  async run(values, context) {
    const [model, output] = [requiredValue(values, "model"), requiredValue(values, "output")];
    const transfer = new TransferProgress(process.stderr);
    const files = await convertModel(model, output, pretrainedOptions(values, context, transfer)).finally(() => transfer.end());
    await printWritten(files, context);
    return 0;
  },
};
