/**
 * `chinese-clip export-web`: a folder for static hosting, a file for each tower and dtype.
 */
import { exportWeb } from "@chinese-clip/node";
import type { Command } from "../command.js";
import { TransferProgress } from "../terminal/transfer.js";
import { HUB_OPTIONS, MODEL_OPTION, parseDtype, pretrainedOptions } from "./loading-options.js";
import { printWritten } from "./print-written.js";
import { requiredValue, setting, stringValue } from "../option.js";

/** The command. */
export const exportForWeb: Command = {
  options: {
    ...MODEL_OPTION,
    output: setting("folder", "where the files go", "输出文件夹"),
    dtypes: setting("names", "dtypes, separated by commas: fp32, fp16, q8 (default), q4", "dtype，以逗号分隔：fp32、fp16、q8（默认）、q4"),
    ...HUB_OPTIONS,
  },
  examples: ["--model OFA-Sys/chinese-clip-vit-base-patch16 --output public/models/vit-b-16 --dtypes q8,fp16"],

  async run(values, context) {
    const [model, output] = [requiredValue(values, "model"), requiredValue(values, "output")];
    const dtypes = (stringValue(values, "dtypes") ?? "q8").split(",").map((name) => parseDtype("--dtypes", name.trim()));
    const { dtype: _, ...hub } = pretrainedOptions(values, context);
    const transfer = new TransferProgress(process.stderr);
    const options = { ...hub, dtypes, onProgress: transfer.report.bind(transfer) };
    const files = await exportWeb(model, output, options).finally(() => transfer.end());
    await printWritten(files, context);
    return 0;
  },
};
