/**
 * A tower in another dtype than it is stored in: converted layer by layer when a session reads its weights, and cached with the model for the
 * next visit. A cached tower carries the version of the files that it was made of; when those are replaced, it is converted again.
 */
import { TOWER_FORMAT } from "@chinese-clip/model/quantize";
import { HubError, type TowerConversion } from "@chinese-clip/pipeline";
import { SegmentWriter } from "../cache/segment-writer.js";
import { type ByteRange, type ByteSink, copyInto, intersect, subtract } from "../http/byte-ranges.js";
import type { CachePlace, OpenOptions, WebFiles } from "./web-files.js";

/** Each tower's tensors by the prefix of their names. */
const PREFIXES = { text: "text_", vision: "vis" } as const;

/** The model's files, and among them the converted tower. */
export async function cacheTower(conversion: TowerConversion, files: WebFiles, options: OpenOptions): Promise<WebFiles> {
  const { name, byteLength } = conversion.file;
  const tensors = [...conversion.checkpoint.tensors].filter(([tensor]) => tensor.startsWith(PREFIXES[conversion.tower]));
  const sources = [...new Set(tensors.map(([, { file }]) => file))];
  const made = await files.placeFor?.(name, sources);
  const place = made && { ...made, version: JSON.stringify([TOWER_FORMAT, made.version]) };
  const { signal } = options;

  const readConverted = async (ranges: readonly ByteRange[], sink: ByteSink): Promise<void> => {
    if (place === undefined) return convert(conversion, files.source, options, sink);
    await place.cache.withLock(place.url, signal, async () => {
      if (await readCached(place, byteLength, ranges, sink)) return;
      for (const source of sources) {
        // In one go: conversion reads tensor by tensor, which then come from the cache.
        const own = tensors.filter(([, { file }]) => file === source).map(([, tensor]) => tensor);
        const wanted = own.map(({ byteOffset, byteLength: length }) => ({ start: byteOffset, end: byteOffset + length }));
        await files.readRanges(source, wanted, () => signal?.throwIfAborted());
      }
      await convertAndCache(conversion, place, files.source, options, sink);
    });
  };

  return {
    source: files.source,
    list: () => files.list(),
    readText: (file) => files.readText(file),
    commit: () => files.commit(),
    readRanges: (file, ranges, sink) => (file === name ? readConverted(ranges, sink) : files.readRanges(file, ranges, sink)),
    async open(file) {
      if (file !== name) return files.open(file);
      const read = async (start: number, end: number): Promise<Uint8Array> => {
        const bytes = new Uint8Array(end - start);
        await readConverted([{ start, end }], (at, part) => copyInto(bytes, start, at, part));
        return bytes;
      };
      return { name, byteLength, read };
    },
  };
}

/** Reads ranges of a cached tower. @returns whether the whole tower is cached, in this version. */
async function readCached(
  { cache, url, version }: CachePlace,
  byteLength: number,
  ranges: readonly ByteRange[],
  sink: ByteSink,
): Promise<boolean> {
  const facts = await cache.facts(url);
  if (facts?.size !== byteLength || facts.version !== version) return false;
  const segments = await cache.segments(url);
  if (subtract([{ start: 0, end: byteLength }], segments).length > 0) return false;
  for (const segment of segments) {
    if (intersect(ranges, segment).length === 0) continue;
    const bytes = await cache.read(url, segment);
    if (bytes === undefined) return false;
    sink(segment.start, bytes);
  }
  return true;
}

/** Without room in the cache the tower is converted all the same. */
async function convertAndCache(
  conversion: TowerConversion,
  { cache, url, version }: CachePlace,
  source: string,
  options: OpenOptions,
  sink: ByteSink,
): Promise<void> {
  await cache.remove(url);
  let failure: HubError | undefined;
  const attempt = async (put: () => Promise<void>): Promise<void> => {
    if (failure !== undefined) return;
    try {
      await put();
    } catch (error) {
      if (!(error instanceof HubError)) throw error;
      failure = error;
      await cache.remove(url);
    }
  };
  const segments = new SegmentWriter(0, (start, bytes) => attempt(() => cache.put(url, { start, end: start + bytes.length }, bytes)));
  try {
    await convert(conversion, source, options, async (start, bytes) => {
      sink(start, bytes);
      await segments.write(bytes);
    });
    await segments.flush();
    // Last: segments without facts are ignored.
    await attempt(() => cache.putFacts(url, { size: segments.position, version }));
  } catch (error) {
    await cache.remove(url).catch(() => undefined);
    throw error;
  }
  if (failure !== undefined) (options.onCacheError ?? warn)(failure);
}

async function convert(
  { file }: TowerConversion,
  source: string,
  { signal, onProgress }: OpenOptions,
  sink: (start: number, bytes: Uint8Array) => void | Promise<void>,
): Promise<void> {
  onProgress?.({ status: "initiate", name: source, file: file.name });
  let at = 0;
  for await (const chunk of file.chunks()) {
    signal?.throwIfAborted();
    await sink(at, chunk);
    at += chunk.length;
    // Lets the page draw between layers.
    await new Promise((resolve) => setTimeout(resolve));
  }
  onProgress?.({ status: "done", name: source, file: file.name });
}

function warn(error: HubError): void {
  console.warn(error.message);
}
