/**
 * The options by which a command's model is found and loaded, the same in every command that has one.
 */
import type { PretrainedOptions } from "@chinese-clip/node";
import { withoutSecrets } from "@chinese-clip/pipeline";
import type { CommandContext } from "../command.js";
import type { TransferProgress } from "../terminal/transfer.js";
import { t } from "../translation/translate.js";
import {
  choiceValue,
  type CommandOptions,
  countValue,
  flag,
  type OptionValues,
  parseChoice,
  setting,
  stringValue,
  UsageError,
} from "../option.js";

/** dtypes that a model can be loaded in. */
export const DTYPES = ["fp32", "fp16", "q8", "q4"] as const;

/** One of {@link DTYPES}. */
export type DtypeName = (typeof DTYPES)[number];

/** Which model. */
export const MODEL_OPTION: CommandOptions<"model"> = {
  model: setting(
    "source",
    "folder, file or hub name of the model (default: $CHINESE_CLIP_MODEL)",
    "模型：文件夹、文件或 hub 名称（默认取环境变量 CHINESE_CLIP_MODEL）",
  ),
};

/** Where a model's files come from. */
export const HUB_OPTIONS: CommandOptions = {
  revision: setting("name", "branch, tag or commit at the hub", "hub 上的分支、标签或提交"),
  "cache-dir": setting(
    "folder",
    "cache folder of downloaded models (default: the one that Python uses)",
    "下载的模型存放处（默认与 Python 相同）",
  ),
  endpoint: setting("url", "a mirror of the hub", "hub 的镜像地址"),
  offline: flag("no request: only what is in the cache", "不联网，只用缓存中的文件"),
};

/** How a model is loaded. */
export const RUN_OPTIONS: CommandOptions = {
  dtype: setting("name", "fp32 (default), fp16, q8 or q4", "dtype：fp32（默认）、fp16、q8 或 q4"),
  device: setting("name", "where to compute (default: cpu; `doctor` lists the others)", "计算设备（默认 cpu，其他见 doctor）"),
  threads: setting("n", "threads for one operator", "单个算子使用的线程数"),
};

/** How the images of a command are decoded. */
export const DECODE_OPTION: CommandOptions<"decode"> = {
  decode: setting(
    "how",
    "exact (default), or fast: large JPEG and WebP shrink while they are decoded; features differ slightly",
    "图片解码方式：exact（默认）或 fast（大幅 JPEG、WebP 边解码边缩小，特征略有差异）",
  ),
};

/**
 * The options as `fromPretrained` takes them.
 *
 * @throws UsageError - a value that cannot be.
 */
export function pretrainedOptions(
  values: OptionValues,
  { signal }: Pick<CommandContext, "signal">,
  progress?: TransferProgress,
): PretrainedOptions {
  const endpoint = stringValue(values, "endpoint");
  if (endpoint !== undefined && !/^https?:\/\//i.test(endpoint)) {
    throw new UsageError(t`--endpoint: expected an address that begins with http:// or https://, got ${withoutSecrets(endpoint)}`);
  }
  return {
    dtype: choiceValue(values, "dtype", DTYPES),
    device: stringValue(values, "device"),
    decode: decodeOf(values),
    numThreads: countValue(values, "threads"),
    revision: stringValue(values, "revision"),
    cacheDir: stringValue(values, "cache-dir"),
    endpoint,
    signal,
    localFilesOnly: values["offline"] === true ? true : undefined,
    onProgress: progress === undefined ? undefined : (event) => progress.report(event),
  };
}

/** @throws UsageError - no such dtype. */
export function parseDtype(option: string, value: string): DtypeName {
  return parseChoice(option, value, DTYPES);
}

function decodeOf(values: OptionValues): "exact" | "fast" | undefined {
  const value = stringValue(values, "decode");
  if (value === undefined || value === "exact" || value === "fast") return value;
  throw new UsageError(t`--decode: expected exact or fast, got ${value}`);
}

/** What a shard's record states of the decoding: nothing where it is exact. */
export function decodeSettings(values: OptionValues): { readonly decode?: "fast" } {
  return values["decode"] === "fast" ? { decode: "fast" } : {};
}
