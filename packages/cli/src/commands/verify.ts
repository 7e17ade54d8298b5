/**
 * `chinese-clip verify`: the reference's published example on this machine, with the published probabilities beside its own.
 */
import { ChineseCLIP, loadImage } from "@chinese-clip/node";
import { type Command, type CommandContext, type OptionValues, stringValue, UsageError } from "../command.js";
import {
  checkProbabilities,
  formatCheck,
  PUBLISHED_IMAGE,
  PUBLISHED_LABELS,
  PUBLISHED_MODEL,
  type PublishedCheck,
} from "../reports/published-probabilities.js";
import { TransferProgress } from "../terminal/transfer.js";
import { errorText } from "../translation/translate-error.js";
import { CommandError, t } from "../translation/translate.js";
import { HUB_OPTIONS, oneOperand, pretrainedOptions, RUN_OPTIONS } from "./loading-options.js";

/** The command. */
export const verify: Command = {
  name: "verify",
  summary: {
    en: "Compare this machine's result with the one that the reference publishes",
    zh: "用官方公布的示例核对本机的计算结果",
  },
  operands: "[model]",
  options: {
    image: {
      type: "string",
      value: "path or url",
      help: { en: "a copy of the example's image (default: it is fetched)", zh: "示例图片的副本（默认自动下载）" },
    },
    ...RUN_OPTIONS,
    ...HUB_OPTIONS,
  },
  examples: ["", "--image pokemon.jpeg --dtype q8"],

  async run(values, context, operands) {
    const transfer = new TransferProgress(process.stderr);
    const options = pretrainedOptions(values, context, transfer);
    const what = t`a checkpoint's file or folder, or a hub's name of a model`;
    const model = oneOperand(operands.length === 0 ? [PUBLISHED_MODEL] : operands, what);
    const source = imageSource(values);
    const image = await readImage(source, values, context); // before the weights, which may take minutes to fetch
    const clip = await ChineseCLIP.fromPretrained(model, options).finally(() => transfer.end());
    try {
      const scores = new Map(
        (await clip.classify(image, PUBLISHED_LABELS, { signal: context.signal })).map(({ label, score }) => [label, score]),
      );
      const probabilities = PUBLISHED_LABELS.map((label) => scores.get(label) ?? Number.NaN);
      const dtype = options.dtype ?? "fp32";
      const check = checkProbabilities(probabilities, dtype, model === PUBLISHED_MODEL);
      if (context.json) context.print(formatJson(check, { model, image: source, dtype }));
      else printCheck(check, source, context);
      return check.passed === false ? 1 : 0;
    } finally {
      await clip.dispose();
    }
  },
};

function imageSource(values: OptionValues): string {
  return stringValue(values, "image") ?? PUBLISHED_IMAGE;
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
    throw new CommandError(t`${source}: the image cannot be read (${errorText(cause)}); give a local copy of it with --image`, { cause });
  }
}

/** The result of `--json`; null where no value is published. */
function formatJson({ labels, bound, passed }: PublishedCheck, run: Readonly<Record<"model" | "image" | "dtype", string>>): string {
  const rows = labels.map(({ label, probability, published = null, difference = null }) => ({ label, probability, published, difference }));
  return JSON.stringify({ ...run, labels: rows, bound, passed: passed ?? null }, null, 2);
}

function printCheck(check: PublishedCheck, source: string, { language, print }: CommandContext): void {
  const { bound, passed } = check;
  const zh = language === "zh";
  print(`${formatCheck(check, language)}\n`);
  if (passed === undefined) {
    print(zh ? `这个模型没有公布值；公布值属于 ${PUBLISHED_MODEL}` : `no value is published for this model, only for ${PUBLISHED_MODEL}`);
  } else if (passed) {
    print(zh ? `通过：差均不超过 ${bound}` : `passed: no difference is above ${bound}`);
  } else {
    print(zh ? `未通过：有的差超过 ${bound}` : `failed: a difference is above ${bound}`);
    if (source !== PUBLISHED_IMAGE)
      print(zh ? `公布值只对应图片 ${PUBLISHED_IMAGE}` : `the published values are of the image ${PUBLISHED_IMAGE}`);
  }
}
