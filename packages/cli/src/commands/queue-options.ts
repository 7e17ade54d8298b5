/** What the commands that work with a queue have in common: its address and name, the manifest, and the package that they need. */
import type * as QueuePackage from "@chinese-clip/queue";
import { CommandError, t } from "../translation/translate.js";
import { type CommandOptions, type OptionValues, requiredValue, setting, stringValue } from "../option.js";

/** Where a queue is that nobody names. */
const DEFAULT_ADDRESS = "redis://127.0.0.1:6379";

/** Which manifest. */
export const MANIFEST_OPTION: CommandOptions<"manifest"> = {
  manifest: setting("file", "the list of the source's shards", "数据源的分片清单"),
};

/** Where finished shards go. */
export const SHARD_OUTPUT_OPTION: CommandOptions<"output"> = {
  output: setting(
    "folder",
    "where the files of finished shards go, in clip-retrieval's layout",
    "分片结果的文件夹，采用 clip-retrieval 的布局",
  ),
};

/** Which queue. */
export const QUEUE_OPTIONS: CommandOptions<"address" | "queue"> = {
  address: setting(
    "url",
    `the queue's server, Redis, Valkey or PostgreSQL (default: $CHINESE_CLIP_QUEUE_ADDRESS, else ${DEFAULT_ADDRESS})`,
    `队列的服务器：Redis、Valkey 或 PostgreSQL（默认取环境变量 CHINESE_CLIP_QUEUE_ADDRESS，否则 ${DEFAULT_ADDRESS}）`,
  ),
  queue: setting("name", "the queue's name, one for each manifest (default: chinese-clip)", "队列名，每个清单一个（默认 chinese-clip）"),
};

/** The queue that options name. */
export function queueOf(values: OptionValues): { readonly address: string; readonly queue: string | undefined } {
  const address = stringValue(values, "address") ?? (process.env["CHINESE_CLIP_QUEUE_ADDRESS"] || DEFAULT_ADDRESS);
  return { address, queue: stringValue(values, "queue") };
}

/** Reads the manifest that `--manifest` names. @throws UsageError - it was not given; what reading it throws. */
export async function manifestOf(
  values: OptionValues,
  { indexManifest }: typeof QueuePackage,
  signal: AbortSignal,
): Promise<QueuePackage.ManifestIndex> {
  return indexManifest(requiredValue(values, "manifest"), signal);
}

/**
 * Loads the package of queues, which is installed beside the command.
 *
 * @throws CommandError - it is not there.
 */
export async function loadQueuePackage(): Promise<typeof QueuePackage> {
  try {
    return await import("@chinese-clip/queue");
  } catch (cause) {
    if (!(cause instanceof Error && "code" in cause && cause.code === "ERR_MODULE_NOT_FOUND")) throw cause;
    throw new CommandError(t`this command needs the package @chinese-clip/queue: npm install -g chinese-clip @chinese-clip/queue`, {
      cause,
    });
  }
}
