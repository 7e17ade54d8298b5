/** `s3://bucket/photos/`: the images of a bucket. A shard names their keys, relative to the prefix. */
import { DatasetError, shown } from "../dataset-error.js";
import { IMAGE_EXTENSIONS } from "../images/list-images.js";
import { fetchImages, type PendingItem } from "./fetch-images.js";
import type { ListSourceOptions } from "./list-source.js";
import { filesAt } from "./locations.js";
import { shardId, shardSizeOf } from "./shard-id.js";
import type { DataSource, SourceShard } from "./source.js";

/** Opens the images below a prefix. */
export function bucketSource(location: string, spec: string, options: ListSourceOptions): DataSource {
  const files = filesAt(location, IMAGE_EXTENSIONS, options);
  return {
    spec,
    async *list({ signal, ...rest } = {}) {
      const size = shardSizeOf(rest);
      let [index, names] = [0, [] as string[]];
      const shardOf = (): SourceShard => {
        const shard = { id: shardId(index, names), index: index++, count: names.length, part: { files: names } };
        names = [];
        return shard;
      };
      for await (const { name } of files.list(signal)) if (names.push(name) === size) yield shardOf();
      if (names.length > 0) yield shardOf();
    },
    async *read({ id, part }, { signal } = {}) {
      const names = typeof part === "object" && part !== null && "files" in part ? part["files"] : undefined;
      if (!Array.isArray(names) || !names.every((name) => typeof name === "string"))
        throw new DatasetError("invalid-shard", { id: shown(id), expected: "the keys of a bucket" });
      const items = async function* (): AsyncGenerator<PendingItem, void, undefined> {
        for (const name of names as readonly string[]) yield { sample: { key: name }, file: files.open(name) };
      };
      yield* fetchImages(items(), options.maxImageBytes, options, signal);
    },
  };
}
