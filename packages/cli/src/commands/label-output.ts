/**
 * What becomes of labelled images beside the table: a file for spreadsheets, and a folder for each label.
 */
import { join } from "node:path";
import { folderNames, type ImageIndex, writeWhole } from "@chinese-clip/dataset";
import type { CommandContext } from "../command.js";
import { formatCsv } from "../reports/csv.js";
import type { ShownLabels } from "../reports/label-rows.js";
import { notePlaced, placeImages, PLACEMENT_OPTIONS, type Target, targetOf } from "./placement-options.js";
import { type CommandOptions, type OptionValues, setting, stringValue } from "../option.js";

/** The options. */
export const LABEL_OPTIONS: CommandOptions = {
  csv: setting("file", "write a CSV table, which Excel opens", "写出表格文件（可用 Excel 打开）"),
  ...PLACEMENT_OPTIONS,
  "copy-to": setting("folder", "copy each image to a folder below this one, named by its label", "按标签把图片复制到该文件夹下的子文件夹"),
  "move-to": setting("folder", "move each image to a folder below this one, named by its label", "按标签把图片移动到该文件夹下的子文件夹"),
};

/** An image with its labels. */
interface LabelledImage {
  /** Its item in an index. */
  readonly id: string | undefined;
  readonly path: string;
  readonly label: string | undefined;
  readonly probability: number | undefined;
  readonly similarity: number | undefined;
}

/** Collects labelled images for what the options ask for. */
export class LabelOutput {
  /** Where images go. */
  readonly target: Target | undefined;
  readonly #csv: string | undefined;
  readonly #images: LabelledImage[] = [];

  /** @throws UsageError - options that exclude each other. */
  constructor(values: OptionValues) {
    this.#csv = stringValue(values, "csv");
    this.target = targetOf(values);
  }

  /** Takes an image. */
  add(path: string, { best: [first], closest }: ShownLabels, id?: string): void {
    if (this.#csv === undefined && this.target === undefined) return;
    const { score: probability, similarity } = first ?? closest ?? {};
    this.#images.push({ id, path, label: first?.label, probability, similarity });
  }

  /**
   * Writes the table, then copies or moves the images that have a label.
   *
   * @param labels - all of them: they decide how folders are called.
   * @returns the exit code: 1 if there were images that could not be copied or moved.
   */
  async finish(labels: readonly string[], context: CommandContext, index?: ImageIndex): Promise<0 | 1> {
    if (this.#csv !== undefined) {
      const rows = this.#images.map(({ path, label, probability, similarity }) => [path, label, probability, similarity]);
      await writeWhole(this.#csv, formatCsv([["path", "label", "probability", "cosine"], ...rows]));
      if (!context.json) context.note(`→ ${this.#csv}`);
    }
    if (this.target === undefined) return 0;
    const { folder } = this.target;
    const names = folderNames(labels);
    const images = this.#images.flatMap(({ id, path, label }) =>
      label === undefined ? [] : [{ id, path, folder: join(folder, names.get(label) ?? "_") }],
    );
    const placed = await placeImages(images, this.target, context, index);
    notePlaced(placed, this.target, context);
    return placed.failed > 0 ? 1 : 0;
  }
}
