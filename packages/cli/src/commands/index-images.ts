/**
 * `chinese-clip index`: makes an image index of folders or brings one up to date, once or whenever something changes.
 */
import { existsSync } from "node:fs";
import { resolve } from "node:path";
import { DatasetError, type ImageIndex, openImageIndex, type SyncEvent, type SyncSummary } from "@chinese-clip/dataset";
import { ChineseCLIP } from "@chinese-clip/node";
import type { Command, CommandContext } from "../command.js";
import { INDEX_OPTION, indexPath } from "../input/index-path.js";
import { nameTypes, skippedNotes } from "../input/skipped-files.js";
import { formatSeconds, TerminalProgress } from "../terminal/progress.js";
import { TransferProgress } from "../terminal/transfer.js";
import { t } from "../translation/translate.js";
import { skippedText } from "../translation/translate-error.js";
import { DECODE_OPTION, HUB_OPTIONS, MODEL_OPTION, pretrainedOptions, RUN_OPTIONS } from "./loading-options.js";
import { belowProgress } from "./below-progress.js";
import { loadIndexModel, type LoadModel } from "./with-index.js";
import { flag, type OptionValues, requiredValue, UsageError } from "../option.js";

/** The command. */
export const indexImages: Command = {
  operands: "[<folder>...]",
  options: {
    ...INDEX_OPTION,
    ...MODEL_OPTION,
    watch: flag("stay, and follow changes until Ctrl-C", "持续运行，跟踪改动，直到按 Ctrl-C"),
    prune: flag(
      "also remove the images of folders that are empty now, where a drive may have been mounted",
      "同时移除现在为空的文件夹（可能是未挂载的磁盘）中的图片",
    ),
    "no-thumbnails": flag("store no thumbnails", "不保存缩略图"),
    ...DECODE_OPTION,
    ...RUN_OPTIONS,
    ...HUB_OPTIONS,
  },
  examples: ["photos --model OFA-Sys/chinese-clip-vit-base-patch16", "photos /mnt/camera --index photos.index --watch", ""],

  async run(values, context, operands) {
    if (operands.includes("")) throw new UsageError(t`expected folders, got an empty name; see --help`);
    const { signal } = context;
    const path = indexPath(values);
    const progress = new TerminalProgress(process.stderr);
    const { index, clip } = await openIndex(path, values, context, operands.length > 0);
    try {
      let started = performance.now();
      const below = belowProgress(context, progress);
      let onEvent = syncEvents(below, progress);
      const options = {
        folders: operands.length === 0 ? undefined : operands,
        thumbnails: values["no-thumbnails"] !== true,
        prune: values["prune"] === true,
        onEvent: (event: SyncEvent) => onEvent(event),
        signal,
      };
      const report = (summary: SyncSummary): 0 | 1 => {
        progress.end();
        const seconds = (performance.now() - started) / 1000;
        const code = printSummary(summary, index, seconds, context);
        [onEvent, started] = [syncEvents(below, progress), performance.now()];
        return code;
      };
      if (values["watch"] !== true) return report(await index.sync(clip, options));
      await index.watch(clip, {
        ...options,
        onSync: (summary) => void report(summary),
        onError: (error) => below.note(skippedText(index.path, error, context.language)),
      });
      signal.throwIfAborted();
      return 0;
    } finally {
      progress.end();
      await clip.dispose();
      await index.close();
    }
  },
};

/** What is said while folders are read: how far it is, and the first images that cannot be read. */
export function syncEvents(context: CommandContext, progress: TerminalProgress): (event: SyncEvent) => void {
  const noteSkip = skippedNotes(context);
  return ({ type, path, error, done, total }) => {
    if (type === "failed") noteSkip(path, error);
    if (type !== "removed") progress.report(context.language === "zh" ? "图片" : "images", done, total);
  };
}

/** Opens the index for writing, and its model; makes a new one where folders are given. */
export async function openIndex(
  path: string,
  values: OptionValues,
  context: CommandContext,
  hasFolders: boolean,
): Promise<{ readonly index: ImageIndex; readonly clip: ChineseCLIP }> {
  const transfer = new TransferProgress(process.stderr);
  const options = pretrainedOptions(values, context, transfer);
  const load: LoadModel = (model, how) => ChineseCLIP.fromPretrained(model, { ...options, ...how }).finally(() => transfer.end());
  const { signal } = context;
  const given = {
    ...(options.dtype === undefined ? {} : { dtype: options.dtype }),
    ...(options.decode === undefined ? {} : { decode: options.decode }),
  };
  const index = await openImageIndex(path, { settings: given, signal }).catch((error: unknown) => {
    if (error instanceof DatasetError && error.code === "no-index" && hasFolders) return undefined;
    throw error;
  });
  if (index === undefined) {
    const model = sourceOf(requiredValue(values, "model"));
    const settings = { dtype: "fp32" as const, ...given, model, orientation: true };
    const clip = await load(model, { dtype: settings.dtype, decode: given.decode, autoOrient: true });
    try {
      return { index: await openImageIndex(path, { embedder: clip, settings, signal }), clip };
    } catch (error) {
      await clip.dispose();
      throw error;
    }
  }
  try {
    return { index, clip: await loadIndexModel(index, values, load) };
  } catch (error) {
    await index.close();
    throw error;
  }
}

/** A model's source as it is found from any folder. */
function sourceOf(model: string): string {
  return existsSync(model) ? resolve(model) : model;
}

/** @returns the exit code: 1 if there are images or folders that cannot be read, or that may be on a drive that is not mounted. */
function printSummary(summary: SyncSummary, index: ImageIndex, seconds: number, { json, language, print, note }: CommandContext): 0 | 1 {
  const { counts, embedded, failures, skipped, unreadableFolders, vacantFolders } = summary;
  const { count } = index.store.info;
  if (json) {
    const { path, folders } = index;
    const result = {
      index: path,
      folders,
      images: count,
      counts,
      embedded,
      failures,
      skipped: Object.fromEntries(skipped),
      unreadableFolders,
      vacantFolders,
    };
    print(JSON.stringify({ ...result, seconds: Number(seconds.toFixed(3)) }));
  } else {
    const zh = language === "zh";
    const names: Readonly<Record<keyof typeof counts, string>> = zh
      ? { added: "新增", changed: "改动", moved: "移动", touched: "仅时间变动", removed: "删除", failed: "无法读取", unchanged: "未变" }
      : {
          added: "added",
          changed: "changed",
          moved: "moved",
          touched: "touched",
          removed: "removed",
          failed: "unreadable",
          unchanged: "unchanged",
        };
    const kinds = (Object.keys(names) as (keyof typeof counts)[]).filter((kind) => counts[kind] > 0);
    const said = kinds.map((kind) => (zh ? `${names[kind]} ${counts[kind]}` : `${counts[kind]} ${names[kind]}`));
    const took = formatSeconds(seconds);
    print(
      zh
        ? `索引中有 ${count} 张图片：${said.join("，") || "没有图片"}（提取 ${embedded} 张，用时 ${took}）`
        : `${count} ${count === 1 ? "image" : "images"} in the index: ${said.join(", ") || "none found"} (${embedded} embedded in ${took})`,
    );
    const reasons = Object.entries(failures).toSorted(([, a], [, b]) => b - a);
    if (reasons.length > 0) {
      const list = reasons.map(([reason, number]) => `${number} ${reason}`).join(", ");
      print(zh ? `无法读取的图片，按原因：${list}` : `unreadable images by reason: ${list}`);
    }
    for (const folder of unreadableFolders)
      note(zh ? `跳过 ${folder}：无法读取，或其中没有图片` : `skipped: ${folder}: cannot be read, or has no images`);
    for (const folder of vacantFolders)
      note(
        zh
          ? `${folder} 里已没有原来的图片，可能是磁盘未挂载：这些图片仍留在索引中；要移除它们，请加 --prune`
          : `${folder} has none of its images now, maybe a drive that is not mounted: they stay in the index; --prune removes them`,
      );
    const types = nameTypes(skipped, language);
    if (types !== undefined) note(types);
    note(`→ ${index.path}`);
  }
  return counts.failed > 0 || unreadableFolders.length + vacantFolders.length > 0 ? 1 : 0;
}
