/**
 * The model of an evaluation: loaded when it is asked for, disposed of in the end, its progress on the terminal.
 */
import { ChineseCLIP } from "@chinese-clip/node";
import type { CommandContext } from "../command.js";
import { recordModel } from "../inspection/record-model.js";
import type { RecordedEmbedder } from "@chinese-clip/dataset";
import type { EvaluationStep, ReportProgress } from "@chinese-clip/evaluation/node";
import { belowProgress } from "./below-progress.js";
import { TerminalProgress } from "../terminal/progress.js";
import { TransferProgress } from "../terminal/transfer.js";
import { pretrainedOptions } from "./loading-options.js";
import { type OptionValues, requiredValue } from "../option.js";

const STEPS: Readonly<Record<EvaluationStep, { readonly en: string; readonly zh: string }>> = {
  "embed-texts": { en: "texts", zh: "文本" },
  "embed-images": { en: "images", zh: "图片" },
  "embed-labels": { en: "labels", zh: "标签" },
  search: { en: "search", zh: "检索" },
};

/** What work with a model has at hand. */
export interface EmbedderTools {
  /** Loads the model that `--model` names, at the first call. */
  readonly openEmbedder: () => Promise<RecordedEmbedder>;
  readonly onProgress: ReportProgress;
  /** The model, if it has been loaded. */
  readonly model: () => ChineseCLIP | undefined;
  /** As that of the command, but writes below the line that shows the progress. */
  readonly below: CommandContext;
}

/**
 * Does `work` with a way to load the model that `--model` names.
 *
 * @throws UsageError - the model is needed and not named; and whatever loading and `work` throw.
 */
export async function withEmbedder<Result>(
  values: OptionValues,
  context: CommandContext,
  work: (tools: EmbedderTools) => Promise<Result>,
): Promise<Result> {
  const { signal } = context;
  const progress = new TerminalProgress(process.stderr);
  const transfer = new TransferProgress(process.stderr);
  // The same bytes whenever they are written. A mistake in the options is one whether or not the model is needed.
  const options = { ...pretrainedOptions(values, context, transfer), deterministic: true };
  let clip: ChineseCLIP | undefined;
  const open = async (): Promise<RecordedEmbedder> => {
    const model = requiredValue(values, "model");
    const loaded = await ChineseCLIP.fromPretrained(model, options).finally(() => transfer.end());
    clip = loaded;
    return {
      // Steps of an evaluation know no signal: what they wait for does.
      embedText: (texts) => loaded.embedText(texts, { signal }),
      embedImages: (inputs, how) => loaded.embedImages(inputs, { ...how, signal }),
      dim: loaded.model.config.projectionDim,
      record: (tower) => recordModel(model, tower, options),
    };
  };
  try {
    return await work({
      openEmbedder: open,
      onProgress(step, done, total) {
        signal.throwIfAborted(); // between the steps that take no signal of their own
        progress.report(STEPS[step][context.language], done, total);
      },
      model: () => clip,
      below: belowProgress(context, progress),
    });
  } finally {
    progress.end();
    await clip?.dispose();
  }
}
