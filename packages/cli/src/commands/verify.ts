/**
 * `chinese-clip verify`: the reference's published example on this machine, with the published probabilities beside its own.
 */
import { ChineseCLIP, loadImage } from "@chinese-clip/node";
import type { Command, CommandContext } from "../command.js";
import {
  checkProbabilities,
  formatCheck,
  PUBLISHED_EXAMPLE,
  type PublishedCheck,
  type PublishedExample,
} from "../reports/published-probabilities.js";
import { TransferProgress } from "../terminal/transfer.js";
import { errorText } from "../translation/translate-error.js";
import { CommandError, t } from "../translation/translate.js";
import { HUB_OPTIONS, pretrainedOptions, RUN_OPTIONS } from "./loading-options.js";
import { oneOperand, type OptionValues, setting, stringValue, UsageError } from "../option.js";

/** The command. */
export const verify: Command = {
  operands: "[model]",
  options: {
    image: setting("path or url", "a copy of the example's image (default: it is fetched)", "示例图片的副本（默认自动下载）"),
    ...RUN_OPTIONS,
    ...HUB_OPTIONS,
  },
  examples: ["", "--image pokemon.jpeg --dtype q8"],

  run: (values, context, operands) => verifyExample(values, context, operands, PUBLISHED_EXAMPLE),
};

/** The command with any example. */
export async function verifyExample(
  values: OptionValues,
  context: CommandContext,
  operands: readonly string[],
  example: PublishedExample,
): Promise<number> {
  const transfer = new TransferProgress(process.stderr);
  const options = pretrainedOptions(values, context, transfer);
  const what = t`a checkpoint's file or folder, or a hub's name of a model`;
  const model = oneOperand(operands.length === 0 ? [example.model] : operands, what);
  const source = stringValue(values, "image") ?? example.image;
  const labels = example.probabilities.map(([label]) => label);
  const image = await readImage(source, values, context); // before the weights, which may take minutes to fetch
  const clip = await ChineseCLIP.fromPretrained(model, options).finally(() => transfer.end());
  try {
    const scores = new Map((await clip.classify(image, labels, { signal: context.signal })).map(({ label, score }) => [label, score]));
    const probabilities = labels.map((label) => scores.get(label) ?? Number.NaN);
    const dtype = options.dtype ?? "fp32";
    const check = checkProbabilities(example, probabilities, dtype, model === example.model);
    if (context.json) context.print(formatJson(check, { model, image: source, dtype }));
    else printCheck(check, source, example, context);
    return check.passed === false ? 1 : 0;
  } finally {
    await clip.dispose();
  }
}

/**
 * The image's pixels. An address that the user names may lie in a private network.
 *
 * @throws UsageError - it would have to be fetched with `--offline`; CommandError - it cannot be read.
 */
async function readImage(source: string, values: OptionValues, { signal }: CommandContext): ReturnType<typeof loadImage> {
  if (values["offline"] === true && /^https?:/i.test(source)) {
    throw new UsageError(t`--offline: ${source} would have to be fetched; give a local copy of the image with --image`);
  }
  try {
    return await loadImage(source, { signal, allowPrivateAddresses: values["image"] !== undefined });
  } catch (cause) {
    signal.throwIfAborted();
    throw new CommandError(t`${errorText(cause)}; give a local copy of the image with --image`, { cause }); // it names the source
  }
}

/** The result of `--json`; null where no value is published. */
function formatJson({ labels, bound, passed }: PublishedCheck, run: Readonly<Record<"model" | "image" | "dtype", string>>): string {
  const rows = labels.map(({ label, probability, published = null, difference = null }) => ({ label, probability, published, difference }));
  return JSON.stringify({ ...run, labels: rows, bound, passed: passed ?? null }, null, 2);
}

function printCheck(check: PublishedCheck, source: string, example: PublishedExample, { language, print }: CommandContext): void {
  const { bound, passed } = check;
  const zh = language === "zh";
  print(`${formatCheck(check, language)}\n`);
  if (passed === undefined) {
    print(zh ? `这个模型没有公布值；公布值属于 ${example.model}` : `no value is published for this model, only for ${example.model}`);
  } else if (passed) {
    print(zh ? `通过：差均不超过 ${bound}` : `passed: no difference is above ${bound}`);
  } else {
    print(zh ? `未通过：有的差超过 ${bound}` : `failed: a difference is above ${bound}`);
    if (source !== example.image)
      print(zh ? `公布值只对应图片 ${example.image}` : `the published values are of the image ${example.image}`);
  }
}
