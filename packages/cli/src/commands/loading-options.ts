/**
 * The options by which a command's model is found and loaded, the same in every command that has one.
 */
import type { PretrainedOptions } from "@chinese-clip/node";
import { withoutSecrets } from "@chinese-clip/pipeline";
import { type CommandContext, type CommandOption, type OptionValues, stringValue, UsageError } from "../command.js";
import type { TransferProgress } from "../terminal/transfer.js";
import { type Bilingual, t } from "../translation/translate.js";

/** dtypes that a model can be loaded in. */
export const DTYPES = ["fp32", "fp16", "q8", "q4"] as const;

/** One of {@link DTYPES}. */
export type DtypeName = (typeof DTYPES)[number];

/** Which model. */
export const MODEL_OPTION: Readonly<Record<"model", CommandOption>> = {
  model: {
    type: "string",
    value: "source",
    help: {
      en: "folder, file or hub name of the model (default: $CHINESE_CLIP_MODEL)",
      zh: "模型：文件夹、文件或 hub 名称（默认取环境变量 CHINESE_CLIP_MODEL）",
    },
  },
};

/** Where a model's files come from. */
export const HUB_OPTIONS: Readonly<Record<string, CommandOption>> = {
  revision: { type: "string", value: "name", help: { en: "branch, tag or commit at the hub", zh: "hub 上的分支、标签或提交" } },
  "cache-dir": {
    type: "string",
    value: "folder",
    help: { en: "cache folder of downloaded models (default: the one that Python uses)", zh: "下载的模型存放处（默认与 Python 相同）" },
  },
  endpoint: { type: "string", value: "url", help: { en: "a mirror of the hub", zh: "hub 的镜像地址" } },
  offline: { type: "boolean", help: { en: "no request: only what is in the cache", zh: "不联网，只用缓存中的文件" } },
};

/** How a model is loaded. */
export const RUN_OPTIONS: Readonly<Record<string, CommandOption>> = {
  dtype: { type: "string", value: "name", help: { en: "fp32 (default), fp16, q8 or q4", zh: "dtype：fp32（默认）、fp16、q8 或 q4" } },
  device: {
    type: "string",
    value: "name",
    help: { en: "where to compute (default: cpu; `doctor` lists the others)", zh: "计算设备（默认 cpu，其他见 doctor）" },
  },
  threads: { type: "string", value: "n", help: { en: "threads for one operator", zh: "单个算子使用的线程数" } },
};

/** How the images of a command are decoded. */
export const DECODE_OPTION: Readonly<Record<"decode", CommandOption>> = {
  decode: {
    type: "string",
    value: "how",
    help: {
      en: "exact (default), or fast: large JPEG and WebP shrink while they are decoded; features differ slightly",
      zh: "图片解码方式：exact（默认）或 fast（大幅 JPEG、WebP 边解码边缩小，特征略有差异）",
    },
  },
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
  const threads = stringValue(values, "threads");
  const endpoint = stringValue(values, "endpoint");
  if (endpoint !== undefined && !/^https?:\/\//i.test(endpoint)) {
    throw new UsageError(t`--endpoint: expected an address that begins with http:// or https://, got ${withoutSecrets(endpoint)}`);
  }
  return {
    dtype: values["dtype"] === undefined ? undefined : parseDtype("--dtype", stringValue(values, "dtype") ?? ""),
    device: stringValue(values, "device"),
    decode: values["decode"] === undefined ? undefined : parseDecode(stringValue(values, "decode") ?? ""),
    numThreads: threads === undefined ? undefined : parseCount("--threads", threads),
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
  const found = DTYPES.find((name) => name === value);
  if (found === undefined) throw new UsageError(t`${option}: expected one of ${DTYPES.join(", ")}, got ${value}`);
  return found;
}

/** @throws UsageError - another word. */
export function parseDecode(value: string): "exact" | "fast" {
  if (value === "exact" || value === "fast") return value;
  throw new UsageError(t`--decode: expected exact or fast, got ${value}`);
}

/** What a shard's record states of the decoding: nothing where it is exact. */
export function decodeSettings(values: OptionValues): { readonly decode?: "fast" } {
  return values["decode"] === "fast" ? { decode: "fast" } : {};
}

/** @throws UsageError - no integer of at least 1. */
export function parseCount(option: string, value: string): number {
  if (!/^[1-9]\d{0,8}$/.test(value)) throw new UsageError(t`${option}: expected an integer of at least 1, got ${value}`);
  return Number(value);
}

/** @throws UsageError - not one thing, `what` it should be. */
export function oneOperand(operands: readonly string[], what: Bilingual): string {
  const [only, ...others] = operands;
  if (only === undefined || only === "") throw new UsageError(t`expected ${what}, got nothing; see --help`);
  if (others.length > 0) throw new UsageError(t`expected ${what}, got also ${others.join(" ")}; see --help`);
  return only;
}
