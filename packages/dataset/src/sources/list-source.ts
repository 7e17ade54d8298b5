/** Sources whose items are lines: `list:` of paths and URLs, `tsv:` and `jsonl:` of cn_clip. */
import { DatasetError, shown } from "../dataset-error.js";
import { parseImageLine } from "../cn-clip/image-tsv.js";
import { linesOf } from "../files/read-lines.js";
import { imageInput } from "../images/list-images.js";
import { fetchImages, type FetchOptions, IMAGE_NETWORK, type PendingItem } from "./fetch-images.js";
import { parseTextLine } from "./items.js";
import { lineRange, lineShards } from "./line-shards.js";
import { listedFiles } from "./list-file.js";
import { type AccessOptions, isUrl, openLocation } from "./locations.js";
import { shardSizeOf } from "./shard-id.js";
import type { DataSource, SourceItem, SourceSample } from "./source.js";

/** Options of a list. */
export interface ListSourceOptions extends AccessOptions, FetchOptions {
  /** Bytes of a fetched image, at most. */
  readonly maxImageBytes: number;
  /** Whether URLs of images may lead to this machine and its network. */
  readonly allowPrivateItems: boolean;
}

/** Opens a list of images, one path or URL a line. */
export function listSource(location: string, spec: string, options: ListSourceOptions): DataSource {
  const file = openLocation(location, options);
  return {
    spec,
    async *list({ signal, ...rest } = {}) {
      let count = 0;
      for await (const shard of lineShards(file, shardSizeOf(rest), true, signal)) {
        count++;
        yield shard;
      }
      if (count === 0) throw new DatasetError("no-paths", { file: file.label });
    },
    async *read(shard, { signal } = {}) {
      const { from, to } = await lineRange(file, shard, signal);
      const items = async function* (): AsyncGenerator<PendingItem, void, undefined> {
        for await (const path of listedFiles(file.stream({ start: from, end: to, signal }), file.label)) {
          const sample = { key: path.label };
          if (!isUrl(path.label)) yield { ...sample, image: await imageInput(path) };
          else yield pendingImage(sample, path.label, options);
        }
      };
      yield* fetchImages(items(), options.maxImageBytes, options, signal);
    },
  };
}

/** An item whose image is behind a URL; what is none is a fault. */
export function pendingImage(sample: Omit<SourceSample, "image">, url: string, options: ListSourceOptions): PendingItem {
  try {
    return {
      sample,
      file: openLocation(url, { ...options, allowPrivateAddresses: options.allowPrivateItems, network: options.network ?? IMAGE_NETWORK }),
    };
  } catch (error) {
    if (error instanceof DatasetError) return { key: sample.key, error };
    throw error;
  }
}

/** Opens cn_clip's `*_imgs.tsv`. */
export function tsvSource(location: string, spec: string, options: AccessOptions): DataSource {
  return lineSource(location, spec, options, "no-tsv-images", (text, file, line) => {
    const { id, bytes } = parseImageLine(text, file, line);
    return { key: String(id), image: bytes };
  });
}

/** Opens cn_clip's `*_texts.jsonl`: captions without images. */
export function jsonlSource(location: string, spec: string, options: AccessOptions): DataSource {
  return lineSource(location, spec, options, "no-texts", (raw, file, line) => {
    const { id, text } = parseTextLine(raw, file, line);
    return { key: String(id), caption: text };
  });
}

function lineSource(
  location: string,
  spec: string,
  options: AccessOptions,
  none: "no-tsv-images" | "no-texts",
  parse: (text: string, file: string, line: number) => SourceSample,
): DataSource {
  const file = openLocation(location, options);
  return {
    spec,
    async *list({ signal, ...rest } = {}) {
      let count = 0;
      for await (const shard of lineShards(file, shardSizeOf(rest), false, signal)) {
        count++;
        yield shard;
      }
      if (count === 0) throw new DatasetError(none, { file: file.label });
    },
    async *read(shard, { signal } = {}) {
      const { from, to, before } = await lineRange(file, shard, signal);
      const keys = new Set<string>();
      for await (const { number, text } of linesOf(file.stream({ start: from, end: to, signal }), file.label, before)) {
        const item = parsed(text, number);
        if (!("error" in item) && keys.has(item.key)) {
          const name = shown(item.key);
          yield { key: item.key, error: new DatasetError("duplicate-key", { name, file: file.label, line: number }) };
          continue;
        }
        keys.add(item.key);
        yield item;
      }
    },
  };

  function parsed(text: string, line: number): SourceItem {
    try {
      return parse(text, file.label, line);
    } catch (error) {
      if (error instanceof DatasetError) return { key: `line ${line}`, error };
      throw error;
    }
  }
}
