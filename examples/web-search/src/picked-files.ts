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

/** All files of a drop or a paste, those in folders and their folders included. */
export async function filesOf(transfer: DataTransfer): Promise<File[]> {
  // What was dropped can only be asked for before the first await.
  const entries = [...transfer.items]
    .filter(({ kind }) => kind === "file")
    .map((item) => ({ entry: item.webkitGetAsEntry(), file: item.getAsFile() }));
  const found: File[] = [];
  for (const { entry, file } of entries) {
    if (entry !== null) await walk(entry, found);
    else if (file !== null) found.push(file);
  }
  return found;
}

async function walk(entry: FileSystemEntry, found: File[]): Promise<void> {
  if (entry.isFile) {
    found.push(await new Promise<File>((resolve, reject) => (entry as FileSystemFileEntry).file(resolve, reject)));
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
