/**
 * A folder of images for each class, embedded: the features are cached in an image index beside the folder, so that a later run embeds only what is new.
 */
import { readdir, realpath } from "node:fs/promises";
import { relative, resolve, sep } from "node:path";
import { missingFile } from "@chinese-clip/dataset";
import type { ChineseCLIP } from "@chinese-clip/node";
import type { CommandContext } from "../command.js";
import { nameTypes } from "../input/skipped-files.js";
import { TerminalProgress } from "../terminal/progress.js";
import { belowProgress } from "./below-progress.js";
import { openIndex, syncEvents } from "./index-images.js";
import { type CommandOptions, type OptionValues, setting, stringValue } from "../option.js";

/** Where features are cached. */
export const FEATURES_OPTION: CommandOptions<"index"> = {
  index: setting(
    "folder",
    "an image index where features are cached (default: <folder>.index)",
    "缓存特征的图片索引（默认 <folder>.index）",
  ),
};

/** A class and its images. */
export interface ClassImages {
  /** The folder's name. */
  readonly label: string;
  /** Paths of its images, by code points. */
  readonly files: readonly string[];
  /** Their embeddings. */
  readonly embeddings: readonly Float32Array[];
}

/** What work with class folders has at hand. */
export interface ClassFolderTools {
  /** By name, by code points; a folder without an image that can be read has none. */
  readonly classes: readonly ClassImages[];
  readonly clip: ChineseCLIP;
  /** Files that cannot be read. */
  readonly unreadable: number;
  readonly onProgress: (step: string, done: number, total: number) => void;
  /** As that of the command, but writes below the line that shows the progress. */
  readonly below: CommandContext;
}

/**
 * Does `work` with the images of a folder.
 *
 * @throws DatasetError - the folder is not there, or has no image; what opening the index and loading the model throw, and `work`.
 */
export async function withClassFolder<Result>(
  folder: string,
  values: OptionValues,
  context: CommandContext,
  work: (tools: ClassFolderTools) => Promise<Result>,
): Promise<Result> {
  const { signal, language } = context;
  const root = await realpath(folder).catch((error: unknown) => {
    throw missingFile(folder, error);
  });
  const names = await folderNames(root, folder);
  const progress = new TerminalProgress(process.stderr);
  const below = belowProgress(context, progress);
  const path = stringValue(values, "index") ?? `${resolve(folder)}.index`;
  const { index, clip } = await openIndex(path, values, context, true);
  try {
    const { failures, skipped } = await index.sync(clip, {
      folders: [root],
      thumbnails: false,
      onEvent: syncEvents(below, progress),
      signal,
    });
    const types = nameTypes(skipped, language);
    if (types !== undefined) below.note(types);
    const found = new Map<string, { readonly file: string; readonly embedding: Float32Array }[]>(names.map((name) => [name, []]));
    let loose = 0;
    for await (const { id, embedding } of index.store.scan()) {
      const file = index.fileOf(id);
      const parts = relative(root, file).split(sep);
      const [label = ""] = parts;
      if (label === ".." || label === "") continue;
      if (parts.length === 1) loose++;
      else found.set(label, [...(found.get(label) ?? []), { file, embedding: new Float32Array(embedding) }]);
    }
    if (loose > 0)
      below.note(
        language === "zh"
          ? `跳过 ${loose} 张图片：不在任何类别的文件夹里`
          : `skipped: ${loose} ${loose === 1 ? "image" : "images"} in no class's folder`,
      );
    const classes = [...found]
      .sort(([a], [b]) => byCodePoints(a, b))
      .map(([label, images]) => {
        const sorted = images.sort((a, b) => byCodePoints(a.file, b.file));
        return { label, files: sorted.map(({ file }) => file), embeddings: sorted.map(({ embedding }) => embedding) };
      });
    const unreadable = Object.values(failures).reduce((sum, count) => sum + count, 0);
    return await work({
      classes,
      clip,
      unreadable,
      below,
      onProgress(step, done, total) {
        signal.throwIfAborted();
        progress.report(step, done, total);
      },
    });
  } finally {
    progress.end();
    await clip.dispose();
    await index.close();
  }
}

/** Folders in a folder, which are classes whether or not they have images. */
async function folderNames(root: string, named: string): Promise<string[]> {
  const entries = await readdir(root, { withFileTypes: true }).catch((error: unknown) => {
    throw missingFile(named, error);
  });
  return entries.filter((entry) => entry.isDirectory() && !entry.name.startsWith(".")).map(({ name }) => name);
}

/** The order of pages, too; JavaScript's own compares UTF-16 units. */
function byCodePoints(a: string, b: string): number {
  return Buffer.compare(Buffer.from(a), Buffer.from(b));
}
