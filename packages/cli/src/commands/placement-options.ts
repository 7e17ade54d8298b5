/**
 * `--copy-to` and `--move-to`: found images go to a folder, under names that overwrite nothing; an index is told of moves at once.
 */
import { resolve } from "node:path";
import { FilePlacer, type ImageIndex, type MovedImage, type Placement, recordMoves } from "@chinese-clip/dataset";
import type { CommandContext } from "../command.js";
import { oneLine } from "../terminal/printable.js";
import { t } from "../translation/translate.js";
import { skippedText } from "../translation/translate-error.js";
import { type CommandOptions, flag, type OptionValues, setting, stringValue, UsageError } from "../option.js";

/** Only moving. */
export const MOVE_OPTIONS: CommandOptions<"move-to" | "dry-run"> = {
  "move-to": setting("folder", "move these images to a folder", "把这些图片移动到该文件夹"),
  "dry-run": flag("only show what would be copied or moved", "只显示将要复制或移动的文件，不执行"),
};

/** Both. */
export const PLACEMENT_OPTIONS: CommandOptions<"copy-to" | "move-to" | "dry-run"> = {
  "copy-to": setting("folder", "copy these images to a folder", "把这些图片复制到该文件夹"),
  ...MOVE_OPTIONS,
};

/** Where images go. */
export interface Target {
  readonly folder: string;
  readonly move: boolean;
  readonly dryRun: boolean;
}

/**
 * What the options say; undefined where images stay.
 *
 * @throws UsageError - both ways, or a dry run of neither.
 */
export function targetOf(values: OptionValues): Target | undefined {
  const [copy, move] = [stringValue(values, "copy-to"), stringValue(values, "move-to")];
  const dryRun = values["dry-run"] === true;
  if (copy !== undefined && move !== undefined) throw new UsageError(t`give --${"copy-to"} or --${"move-to"}, not both`);
  const folder = move ?? copy;
  if (folder === undefined) {
    if (dryRun) throw new UsageError(t`--dry-run is of use only with --copy-to or --move-to`);
    return undefined;
  }
  if (folder === "") throw new UsageError(t`--${move === undefined ? "copy-to" : "move-to"} is needed; see --help`);
  return { folder, move: move !== undefined, dryRun };
}

/** An image on its way. */
export interface PlacedImage {
  /** Its item in the index. */
  readonly id?: string | undefined;
  readonly path: string;
  /** Where to. */
  readonly folder: string;
}

/** What became of some images. */
export interface PlacedImages {
  readonly placed: readonly Placement[];
  /** Images that could not be read. */
  readonly failed: number;
}

/**
 * Copies or moves images, one after the other; one that is gone is noted and skipped.
 *
 * @param index - told of moves, whatever ends them.
 * @throws OutputError - the folder cannot be written to, or the disk is full; the signal's reason.
 */
export async function placeImages(
  images: readonly PlacedImage[],
  { move, dryRun }: Target,
  { language, note, signal }: CommandContext,
  index?: ImageIndex,
): Promise<PlacedImages> {
  const placer = new FilePlacer({ move, dryRun });
  const placed: Placement[] = [];
  const moves: MovedImage[] = [];
  let failed = 0;
  try {
    for (const { id, path, folder } of images) {
      signal.throwIfAborted();
      try {
        const placement = await placer.place(path, folder);
        if (placement === undefined) continue;
        placed.push(placement);
        if (id !== undefined && move && !dryRun) moves.push({ id, to: placement.to });
      } catch (error) {
        if (!(error instanceof Error && error.name === "DatasetError")) throw error;
        failed++;
        note(skippedText(path, error, language));
      }
    }
  } finally {
    if (index !== undefined && moves.length > 0) await recordMoves(index, moves);
  }
  return { placed, failed };
}

/** Says what was placed. */
export function notePlaced({ placed }: PlacedImages, { folder, move, dryRun }: Target, { language, note }: CommandContext): void {
  if (dryRun) {
    for (const { from, to } of placed) note(`${oneLine(from)} → ${oneLine(to)}`);
    note(
      language === "zh"
        ? `将${move ? "移动" : "复制"} ${placed.length} 张图片（未执行）`
        : `${placed.length} ${placed.length === 1 ? "image" : "images"} would be ${move ? "moved" : "copied"}`,
    );
    return;
  }
  const where = resolve(folder);
  note(
    language === "zh"
      ? `已${move ? "移动" : "复制"} ${placed.length} 张图片 → ${where}`
      : `${placed.length} ${placed.length === 1 ? "image" : "images"} ${move ? "moved" : "copied"} → ${where}`,
  );
}
