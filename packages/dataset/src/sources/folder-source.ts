/** `folder:photos`: the images of a folder and those below it. A shard names its files, relative to the folder. */
import { relative, sep } from "node:path";
import { DatasetError } from "../dataset-error.js";
import { imageInput, listImages } from "../images/list-images.js";
import { filePath } from "../images/walk-folder.js";
import { shardId, shardSizeOf } from "./shard-id.js";
import type { DataSource, SourceItem, SourceShard } from "./source.js";

/** Opens a folder of images. */
export function folderSource(folder: string): DataSource {
  return {
    spec: `folder:${folder}`,
    async *list(options = {}) {
      const size = shardSizeOf(options);
      let [index, files] = [0, [] as string[]];
      for await (const { path } of listImages(folder)) {
        options.signal?.throwIfAborted();
        files.push(pathBelow(folder, path));
        if (files.length < size) continue;
        yield shardOf(index++, files);
        files = [];
      }
      if (files.length > 0) yield shardOf(index, files);
    },
    async *read(shard, { signal } = {}) {
      for (const file of filesOf(shard)) {
        signal?.throwIfAborted();
        yield await itemOf(folder, file, shard);
      }
    },
  };
}

function shardOf(index: number, files: readonly string[]): SourceShard {
  return { id: shardId(index, files), index, count: files.length, part: { files } };
}

/** A path below the folder, with `/`; one that is no UTF-8 has its bytes in base64 behind a zero character, which no path has in it. */
function pathBelow(folder: string, path: string | Buffer): string {
  if (typeof path === "string") return relative(folder, path).split(sep).join("/");
  return `\0${path.subarray(Buffer.byteLength(folder.endsWith(sep) ? folder : folder + sep)).toString("base64")}`;
}

function filesOf({ id, part }: SourceShard): readonly string[] {
  const files = typeof part === "object" && part !== null && "files" in part ? part["files"] : undefined;
  if (Array.isArray(files) && files.every((file) => typeof file === "string")) return files;
  throw new DatasetError("invalid-shard", { id, expected: "the files of a folder" });
}

async function itemOf(folder: string, file: string, { id }: SourceShard): Promise<SourceItem> {
  const bytes = file.startsWith("\0") ? Buffer.from(file.slice(1), "base64") : Buffer.from(file);
  // A shard may come from a queue that others write into: it must not name files outside.
  const parts = bytes.toString("latin1").split(/[/\\]/);
  if (bytes.includes(0) || parts.includes("..") || parts[0] === "" || (sep === "\\" && file.includes(":")))
    throw new DatasetError("invalid-shard", { id, expected: "files below the folder" });
  const path = filePath(Buffer.concat([Buffer.from(folder.endsWith(sep) ? folder : folder + sep), bytes]));
  return { key: filePath(bytes).label, image: await imageInput(path) };
}
