/**
 * Files that the visitor dropped, in folders or not.
 */

const IMAGE = /\.(?:jpe?g|png|webp|gif|bmp|avif)$/iu;

/** Whether a file may be an image that browsers can read. */
export function isImage({ type, name }: File): boolean {
  return IMAGE.test(name) || (type.startsWith("image/") && !type.startsWith("image/svg"));
}

/** Whether a file is one that systems leave in folders, such as `.DS_Store`: nobody misses it. */
export function isHidden({ name }: File): boolean {
  return name.startsWith(".") || /^(?:thumbs\.db|desktop\.ini)$/iu.test(name);
}

/** A file and where it lay: `kinds/猫/1.png`, or its name alone. */
export interface PlacedFile {
  readonly file: File;
  readonly path: string;
}

/** Files that were picked, of a folder with their paths in it. */
export function placedFiles(files: readonly File[]): PlacedFile[] {
  return files.map((file) => ({ file, path: file.webkitRelativePath || file.name }));
}

/** All files of a drop or a paste, those in folders and their folders included. */
export async function filesOf(transfer: DataTransfer): Promise<File[]> {
  return (await placedFilesOf(transfer)).map(({ file }) => file);
}

/** The same with their paths below what was dropped. */
export async function placedFilesOf(transfer: DataTransfer): Promise<PlacedFile[]> {
  // What was dropped can only be asked for before the first await.
  const entries = [...transfer.items]
    .filter(({ kind }) => kind === "file")
    .map((item) => ({ entry: item.webkitGetAsEntry(), file: item.getAsFile() }));
  const found: PlacedFile[] = [];
  for (const { entry, file } of entries) {
    if (entry !== null) await walk(entry, found);
    else if (file !== null) found.push({ file, path: file.name });
  }
  return found;
}

async function walk(entry: FileSystemEntry, found: PlacedFile[]): Promise<void> {
  if (entry.isFile) {
    const file = await new Promise<File>((resolve, reject) => (entry as FileSystemFileEntry).file(resolve, reject));
    found.push({ file, path: entry.fullPath.replace(/^\//u, "") || file.name });
    return;
  }
  const reader = (entry as FileSystemDirectoryEntry).createReader();
  for (;;) {
    // A hundred at a time, and none at the end.
    const some = await new Promise<FileSystemEntry[]>((resolve, reject) => reader.readEntries(resolve, reject));
    if (some.length === 0) return;
    for (const child of some) await walk(child, found);
  }
}
