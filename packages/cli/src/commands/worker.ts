/**
 * `chinese-clip worker`: takes shards from a queue and embeds them, until it is told to end.
 */
import { openSource, openStore } from "@chinese-clip/dataset";
import { ChineseCLIP, describeRuntime } from "@chinese-clip/node";
import { preprocessEvalText } from "@chinese-clip/tokenizer";
import type { WorkerEvent } from "@chinese-clip/queue";
import type { Command, CommandContext } from "../command.js";
import { TerminalProgress } from "../terminal/progress.js";
import { TransferProgress } from "../terminal/transfer.js";
import { t } from "../translation/translate.js";
import { DECODE_OPTION, decodeSettings, HUB_OPTIONS, MODEL_OPTION, pretrainedOptions, RUN_OPTIONS } from "./loading-options.js";
import { loadQueuePackage, MANIFEST_OPTION, manifestOf, QUEUE_OPTIONS, queueOf, SHARD_OUTPUT_OPTION } from "./queue-options.js";
import { flag, type OptionValues, parseCount, requiredValue, setting, stringValue, UsageError } from "../option.js";

/** Seconds that a worker has to finish its shard, less than Kubernetes' manifests of this project give it. */
const GRACE_SECONDS = 120;

/** Milliseconds from one look at the queue's depth to the next, for the metrics. */
const COUNTS_MS = 15_000;

/** The command. */
export const worker: Command = {
  options: {
    ...MODEL_OPTION,
    ...MANIFEST_OPTION,
    ...SHARD_OUTPUT_OPTION,
    source: setting(
      "source",
      "where the source is on this machine (default: as the manifest says)",
      "数据源在本机的位置（默认与清单相同）",
    ),
    captions: flag("embed the source's captions as well", "同时计算图片说明的特征"),
    ...QUEUE_OPTIONS,
    processes: setting(
      "n",
      "how many such commands run on this machine: each takes its share of the cores (default: 1)",
      "本机上同时运行几个这样的命令：各占一份处理器核（默认 1）",
    ),
    "until-empty": flag("end when the queue has nothing left", "队列处理完即结束"),
    grace: setting(
      "seconds",
      `to finish a shard after Ctrl-C or SIGTERM, before it is handed back (default: ${GRACE_SECONDS})`,
      `收到 Ctrl-C 或 SIGTERM 后完成当前分片的时间，超过则放回队列（默认 ${GRACE_SECONDS} 秒）`,
    ),
    "metrics-port": setting("n", "metrics for Prometheus on this port, under /metrics", "在该端口的 /metrics 提供 Prometheus 指标"),
    "metrics-host": setting(
      "address",
      "address to serve metrics on; they have no password (default: 127.0.0.1)",
      "提供指标的地址；指标没有密码保护（默认 127.0.0.1）",
    ),
    ...DECODE_OPTION,
    ...RUN_OPTIONS,
    ...HUB_OPTIONS,
  },
  examples: [
    "--model OFA-Sys/chinese-clip-vit-base-patch16 --manifest photos.manifest --output photos.features",
    "--model model --manifest photos.manifest --output photos.features --address redis://queue-host:6379 --processes 2 --metrics-port 9464",
  ],

  async run(values, context) {
    const queue = await loadQueuePackage();
    const [model, output] = [requiredValue(values, "model"), openStore(requiredValue(values, "output"))];
    const graceSeconds = secondsOf(values);
    const metricsPort = portOf(values);
    const metricsHost = stringValue(values, "metrics-host");
    if (metricsHost !== undefined && metricsPort === undefined) throw new UsageError(t`--metrics-host is of use only with --metrics-port`);
    const manifest = await manifestOf(values, queue, context.signal);
    const source = openSource(stringValue(values, "source") ?? manifest.source, { allowPrivateAddresses: "location" });
    const transfer = new TransferProgress(process.stderr);
    const numThreads = await threadsOf(values);
    const embedder = await ChineseCLIP.fromPretrained(model, {
      ...pretrainedOptions(values, context, transfer),
      deterministic: true, // two workers may write the same shard
      ...(numThreads === undefined ? {} : { numThreads }),
    }).finally(() => transfer.end());
    context.extendGrace?.(graceSeconds + 8);
    const lines = new WorkerLines(context);
    const metrics = metricsPort === undefined ? undefined : await queue.createWorkerMetrics();
    const server =
      metrics === undefined || metricsPort === undefined
        ? undefined
        : await queue.serveMetrics(metrics, { port: metricsPort, host: metricsHost, allowRemote: metricsHost !== undefined });
    if (server !== undefined) context.note(server.url);
    const counting =
      metrics === undefined
        ? undefined
        : setInterval(() => void queue.readQueueStatus(queueOf(values)).then(metrics.onCounts, () => undefined), COUNTS_MS);
    try {
      const running = await queue.startWorker({
        ...queueOf(values),
        ...queue.embedJobs({
          manifest,
          source,
          embedder,
          output,
          towers: values["captions"] === true ? ["image", "text"] : ["image"],
          prepareText: preprocessEvalText,
          settings: decodeSettings(values),
        }),
        graceSeconds,
        untilEmpty: values["until-empty"] === true,
        signal: context.signal,
        onEvent(event) {
          metrics?.onEvent(event);
          lines.report(event);
        },
      });
      const totals = await running.closed;
      lines.end();
      if (context.json) context.print(JSON.stringify({ type: "ended", ...totals }));
      else context.print(t`${totals.shards} shards, ${totals.images} images; ${totals.failed} attempts failed`[context.language]);
      return 0;
    } finally {
      lines.end();
      clearInterval(counting);
      await server?.close();
      await embedder.dispose();
    }
  },
};

/** @throws UsageError - a count that is none; both ways to set the threads. */
async function threadsOf(values: OptionValues): Promise<number | undefined> {
  const processes = stringValue(values, "processes");
  if (processes === undefined) return undefined;
  if (values["threads"] !== undefined) throw new UsageError(t`give --${"threads"} or --${"processes"}, not both`);
  const cores = (await describeRuntime()).threads;
  return cores === undefined ? undefined : Math.max(1, Math.floor(cores / parseCount("--processes", processes)));
}

function secondsOf(values: OptionValues): number {
  const text = stringValue(values, "grace") ?? String(GRACE_SECONDS);
  if (!/^\d{1,6}$/u.test(text)) throw new UsageError(t`--${"grace"}: expected a number from ${0} to ${999_999}, got ${text}`);
  return Number(text);
}

function portOf(values: OptionValues): number | undefined {
  const text = stringValue(values, "metrics-port");
  if (text === undefined) return undefined;
  if (!/^\d{1,5}$/u.test(text) || Number(text) > 65_535)
    throw new UsageError(t`--${"metrics-port"}: expected a number from ${0} to ${65_535}, got ${text}`);
  return Number(text);
}

/** A line for each shard, and one that moves for the present one; events as JSON. */
class WorkerLines {
  readonly #context: CommandContext;
  readonly #progress: TerminalProgress = new TerminalProgress(process.stderr);

  constructor(context: CommandContext) {
    this.#context = context;
  }

  report(event: WorkerEvent): void {
    const { json, print, note, language } = this.#context;
    if (event.type === "progress") {
      if (!json) this.#progress.report(event.shard, event.done, event.total);
      return;
    }
    if (json) {
      const { error: _, ...plain } = "error" in event ? event : { ...event, error: undefined };
      print(JSON.stringify(plain));
      return;
    }
    const line = lineOf(event)?.[language];
    if (line === undefined) return;
    this.#progress.end();
    note(line);
  }

  end(): void {
    this.#progress.end();
  }
}

function lineOf(event: Exclude<WorkerEvent, { readonly type: "progress" }>): ReturnType<typeof t> | undefined {
  switch (event.type) {
    case "started":
      return undefined;
    case "done":
      return event.skipped
        ? t`${event.shard}: was complete`
        : t`${event.shard}: ${event.images} images in ${event.seconds.toFixed(1)} s, ${event.unreadable} unreadable`;
    case "failed":
      return t`${event.shard}: attempt ${event.attempt} of ${event.attempts} failed: ${event.reason}`;
    case "taken":
      return t`${event.shard}: another worker has it, as this one was silent for too long`;
    case "returned":
      return t`${event.shard}: handed back`;
    case "stalled":
      return t`${event.shard}: its worker is gone; it waits again`;
    case "resting":
      return t`waiting ${event.seconds} s, as one shard after the other failed`;
    case "queue-error":
      return t`the queue's server: ${event.reason}; trying again`;
  }
}
