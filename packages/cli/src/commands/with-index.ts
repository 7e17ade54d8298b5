/**
 * An image index and the model that it was made with: opened for a command, closed in the end. The model is the one that the index records; another is
 * rejected before anything is compared with it.
 */
import { type ImageIndex, openImageIndex } from "@chinese-clip/dataset";
import { ChineseCLIP, type PretrainedOptions } from "@chinese-clip/node";
import type { CommandContext } from "../command.js";
import { indexPath } from "../input/index-path.js";
import { belowProgress } from "./below-progress.js";
import { TerminalProgress } from "../terminal/progress.js";
import { TransferProgress } from "../terminal/transfer.js";
import { CommandError, t } from "../translation/translate.js";
import { parseDtype, pretrainedOptions } from "./loading-options.js";
import { type OptionValues, stringValue } from "../option.js";

/** What work with an index has at hand. */
export interface IndexTools {
  readonly index: ImageIndex;
  /** Loads the index's model, at the first call. */
  readonly openModel: () => Promise<ChineseCLIP>;
  /** Shows how far a step is. */
  readonly onProgress: (step: string, done: number, total: number | undefined) => void;
  /** As that of the command, but writes below the line that shows the progress. */
  readonly below: CommandContext;
}

/**
 * Does `work` with the index that the options name.
 *
 * @param readOnly - whether another process may write to it meanwhile.
 * @throws DatasetError - `no-index`, `index-setting` and what else opening says; what `work` throws.
 */
export async function withIndex<Result>(
  values: OptionValues,
  context: CommandContext,
  readOnly: boolean,
  work: (tools: IndexTools) => Promise<Result>,
): Promise<Result> {
  const { signal } = context;
  const progress = new TerminalProgress(process.stderr);
  const transfer = new TransferProgress(process.stderr);
  const options = pretrainedOptions(values, context, transfer); // a mistake in them is one whether or not the model is needed
  const index = await openImageIndex(indexPath(values), {
    readOnly,
    settings: options.dtype === undefined ? {} : { dtype: options.dtype },
    signal,
  });
  let loading: Promise<ChineseCLIP> | undefined;
  const load: LoadModel = (model, how) => ChineseCLIP.fromPretrained(model, { ...options, ...how }).finally(() => transfer.end());
  try {
    return await work({
      index,
      openModel: () => (loading ??= loadIndexModel(index, values, load)),
      onProgress(step, done, total) {
        signal.throwIfAborted();
        progress.report(step, done, total);
      },
      below: belowProgress(context, progress),
    });
  } finally {
    progress.end();
    const loaded = await loading?.catch(() => undefined);
    await loaded?.dispose();
    await index.close();
  }
}

/** Loads a model, its images as an index has them. */
export type LoadModel = (model: string, how: Pick<PretrainedOptions, "dtype" | "decode" | "autoOrient">) => Promise<ChineseCLIP>;

/**
 * The model of an index, as the options or the index name it.
 *
 * @throws CommandError - its weights are not those that the index was created with.
 */
export async function loadIndexModel(index: ImageIndex, values: OptionValues, load: LoadModel): Promise<ChineseCLIP> {
  const { model, dtype, decode, orientation } = index.settings;
  const source = stringValue(values, "model") ?? model;
  const how = { decode, autoOrient: orientation };
  const clip = await load(source, dtype === undefined ? how : { ...how, dtype: parseDtype("--dtype", dtype) });
  if (clip.fingerprint === index.store.info.fingerprint) return clip;
  await clip.dispose();
  throw otherModel(index, source);
}

function otherModel({ path, settings }: ImageIndex, model: string): CommandError {
  if (model === settings.model) {
    return new CommandError(
      t`${path}: the weights of ${model} are not those that this index was created with; restore them, or make another index with --index`,
    );
  }
  return new CommandError(
    t`${path}: created with model ${settings.model}, and ${model} is another: cosines between two models mean nothing. Leave out --model, or make another index with --index`,
  );
}
