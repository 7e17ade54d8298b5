/**
 * Pictures in a folder for each class, in the order of torchvision's `ImageFolder`, which cn_clip reads them with: classes by name, within a
 * class folders by path and pictures by name, all compared by code points.
 */
import { type Dirent } from "node:fs";
import { readdir, readFile, stat } from "node:fs/promises";
import { join } from "node:path";
import { DatasetError, shortList } from "../dataset/dataset-error.js";
import { EvaluationError } from "./evaluation-error.js";
import { missingFile } from "./read-lines.js";

/** What `ImageFolder` takes for a picture. */
const EXTENSIONS: readonly string[] = [".jpg", ".jpeg", ".png", ".ppm", ".bmp", ".pgm", ".tif", ".tiff", ".webp"];

/** Folders within folders beyond which links are taken to lead in a circle. */
const DEEPEST = 32;

/** One picture and its class. */
export interface LabelledPicture {
  readonly file: string;
  /** Index of its class. */
  readonly target: number;
}

/** Classes and their pictures. */
export interface ImageFolder {
  /** Names of the class folders, in order. */
  readonly classes: readonly string[];
  /** All pictures, class by class. */
  readonly pictures: readonly LabelledPicture[];
}

/**
 * Lists a folder of class folders.
 *
 * @throws EvaluationError - `missing`; `empty`: no class folders, or a class without pictures.
 */
export async function readImageFolder(folder: string): Promise<ImageFolder> {
  const classes = (await subfolders(folder)).sort(byCodePoints);
  if (classes.length === 0) {
    throw new DatasetError("no-class-folders", { file: folder });
  }
  const pictures: LabelledPicture[] = [];
  const emptyClasses: string[] = [];
  for (const [target, name] of classes.entries()) {
    const files = await picturesBelow(join(folder, name), DEEPEST);
    if (files.length === 0) emptyClasses.push(name);
    pictures.push(...files.map((file) => ({ file, target })));
  }
  if (emptyClasses.length > 0) {
    throw new DatasetError("empty-class", { classes: shortList(emptyClasses), extensions: EXTENSIONS.join(" "), file: folder });
  }
  return { classes, pictures };
}

/**
 * The labels, one a line, for classes in their order.
 *
 * @throws EvaluationError - `missing`; `labels`: not as many as classes, or an empty one.
 */
export async function readLabels(file: string, classes: readonly string[]): Promise<string[]> {
  const text = await readFile(file, "utf8").catch((cause: unknown) => {
    throw missingFile(file, cause);
  });
  const lines = text
    .replace(/^\uFEFF/, "")
    .replace(/\r?\n$/, "")
    .split("\n")
    .map((line) => line.trim());
  const empty = lines.indexOf("");
  if (empty >= 0) {
    throw new EvaluationError("empty-label", { file, line: empty + 1 });
  }
  if (lines.length !== classes.length) {
    throw new EvaluationError("label-count", { expected: classes.length, classes: shortList(classes), got: lines.length, file });
  }
  return lines;
}

/**
 * What is in a folder.
 *
 * @throws EvaluationError - `missing`.
 */
export async function entriesOf(folder: string): Promise<Dirent[]> {
  return readdir(folder, { withFileTypes: true }).catch((cause: unknown) => {
    const code = cause instanceof Error && "code" in cause ? cause.code : undefined;
    if (code === "ENOENT") throw new DatasetError("no-such-folder", { file: folder }, { cause });
    if (code === "ENOTDIR") throw new DatasetError("not-a-folder", { file: folder }, { cause });
    throw missingFile(folder, cause);
  });
}

/** Whether an entry is a folder, or a link to one. */
export async function isFolder(folder: string, entry: Dirent): Promise<boolean> {
  if (!entry.isSymbolicLink()) return entry.isDirectory();
  return stat(join(folder, entry.name)).then(
    (target) => target.isDirectory(),
    () => false,
  );
}

async function subfolders(folder: string): Promise<string[]> {
  const names: string[] = [];
  for (const entry of await entriesOf(folder)) if (await isFolder(folder, entry)) names.push(entry.name);
  return names;
}

/** Pictures in a folder and in those below it: `sorted(os.walk(folder))`, then the names of each sorted. */
async function picturesBelow(root: string, depth: number): Promise<string[]> {
  const roots: string[] = [];
  const collect = async (folder: string, left: number): Promise<void> => {
    roots.push(folder);
    if (left === 0) throw new DatasetError("folder-too-deep", { file: root });
    for (const name of await subfolders(folder)) await collect(join(folder, name), left - 1);
  };
  await collect(root, depth);
  const files: string[] = [];
  for (const folder of roots.sort(byCodePoints)) {
    const names = (await entriesOf(folder)).filter(({ name }) => isPictureName(name));
    const pictures: string[] = [];
    for (const entry of names) if (!(await isFolder(folder, entry))) pictures.push(entry.name);
    files.push(...pictures.sort(byCodePoints).map((name) => join(folder, name)));
  }
  return files;
}

/** Whether a file's name is a picture's. */
export function isPictureName(name: string): boolean {
  return EXTENSIONS.some((extension) => name.toLowerCase().endsWith(extension));
}

/** Python's order of strings; JavaScript's compares UTF-16 units. */
export function byCodePoints(a: string, b: string): number {
  return Buffer.compare(Buffer.from(a), Buffer.from(b));
}
