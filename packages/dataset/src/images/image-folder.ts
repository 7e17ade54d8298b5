/**
 * Images in a folder for each class, in the order of torchvision's `ImageFolder`, which cn_clip reads them with: classes by name, within a
 * class folders by path and images by name, all compared by code points. Its extensions are torchvision's, and hidden files count.
 */
import { dirname, join } from "node:path";
import { DatasetError, shortList } from "../dataset-error.js";
import { entriesOf, type FilePath, nameOf, SkippedFiles, walkFolder } from "./walk-folder.js";

/** What `ImageFolder` takes for an image. */
const EXTENSIONS: readonly string[] = [".jpg", ".jpeg", ".png", ".ppm", ".bmp", ".pgm", ".tif", ".tiff", ".webp"];

/** One image and its class. */
export interface LabelledImage {
  /** Its path. */
  readonly file: string;
  /** Index of its class. */
  readonly target: number;
}

/** Classes and their images. */
export interface ImageFolder {
  /** Names of the class folders, in order. */
  readonly classes: readonly string[];
  /** All images, class by class. */
  readonly images: readonly LabelledImage[];
}

/**
 * Lists a folder of class folders.
 *
 * @throws DatasetError - `no-such-folder` and its like, also of a folder below; `no-class-folders`, `empty-class`.
 */
export async function readImageFolder(folder: string): Promise<ImageFolder> {
  const classes = (await entriesOf(folder)).filter(({ kind }) => kind === "folder").map(({ name }) => name.toString());
  if (classes.length === 0) throw new DatasetError("no-class-folders", { file: folder });
  const images: LabelledImage[] = [];
  const emptyClasses: string[] = [];
  for (const [target, name] of classes.entries()) {
    const files = await imagesBelow(join(folder, name));
    if (files.length === 0) emptyClasses.push(name);
    for (const file of files) images.push({ file, target });
  }
  if (emptyClasses.length > 0) {
    throw new DatasetError("empty-class", { classes: shortList(emptyClasses), extensions: EXTENSIONS.join(" "), file: folder });
  }
  return { classes, images };
}

/** Images in a folder and in those below it: `sorted(os.walk(folder))`, then the names of each sorted. */
async function imagesBelow(root: string): Promise<string[]> {
  const skipped = new SkippedFiles();
  const found: FilePath[] = [];
  for await (const image of walkFolder(root, { extensions: new Set(EXTENSIONS), includeHidden: true }, skipped)) found.push(image);
  const [unreadable] = skipped.folders;
  if (unreadable !== undefined) throw unreadable.error; // accuracy over a part of the images would be another number
  return found
    .map((image) => ({ folder: dirname(image.label), name: nameOf(image), file: image.label }))
    .sort((a, b) => byCodePoints(a.folder, b.folder) || byCodePoints(a.name, b.name))
    .map(({ file }) => file);
}

/** Python's order of strings; JavaScript's compares UTF-16 units. */
function byCodePoints(a: string, b: string): number {
  return Buffer.compare(Buffer.from(a), Buffer.from(b));
}
