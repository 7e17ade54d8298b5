/**
 * A tower in another number format than it is stored in: converted, a layer at a time, when a session wants its weights, and kept with the model
 * for the next visit. What is kept is found by what it was made of, so weights that are replaced are converted anew.
 */
import { TOWER_FORMAT } from "@chinese-clip/model";
import { HubError, type TowerConversion } from "@chinese-clip/pipeline";
import { type ByteRange, copyInto, intersect, subtract } from "./byte-ranges.js";
import type { OpenOptions } from "./open-model.js";
import type { ByteSink } from "./remote-file.js";
import { SegmentWriter } from "./segment-writer.js";
import { withLock } from "./tab-lock.js";
import type { KeptPlace, WebFiles } from "./web-files.js";

/** Tensors of each tower by their names' beginning. */
const PREFIXES = { text: "text_", vision: "vis" } as const;

/** Files that have the converted tower, and whatever else the model has. */
export async function cacheTower(conversion: TowerConversion, files: WebFiles, options: OpenOptions): Promise<WebFiles> {
  const { name, byteLength } = conversion.file;
  const tensors = [...conversion.checkpoint.tensors].filter(([tensor]) => tensor.startsWith(PREFIXES[conversion.tower]));
  const sources = [...new Set(tensors.map(([, { file }]) => file))];
  const made = await files.placeFor?.(name, sources);
  const place = made && { ...made, version: JSON.stringify([TOWER_FORMAT, made.version]) };
  const { signal } = options;

  const deliverConverted = async (ranges: readonly ByteRange[], sink: ByteSink): Promise<void> => {
    if (place === undefined) return convert(conversion, files.source, options, sink);
    await withLock(place.url, signal, async () => {
      if (await deliverKept(place, byteLength, ranges, sink)) return;
      for (const source of sources) {
        // All at once: conversion reads tensor by tensor, which then come from what is kept.
        const own = tensors.filter(([, { file }]) => file === source).map(([, tensor]) => tensor);
        const wanted = own.map(({ byteOffset, byteLength: length }) => ({ start: byteOffset, end: byteOffset + length }));
        await files.deliver(source, wanted, () => signal?.throwIfAborted());
      }
      await convertAndKeep(conversion, place, files.source, options, sink);
    });
  };

  return {
    source: files.source,
    list: () => files.list(),
    readText: (file) => files.readText(file),
    settle: () => files.settle(),
    deliver: (file, ranges, sink) => (file === name ? deliverConverted(ranges, sink) : files.deliver(file, ranges, sink)),
    async open(file) {
      if (file !== name) return files.open(file);
      const read = async (start: number, end: number): Promise<Uint8Array> => {
        const bytes = new Uint8Array(end - start);
        await deliverConverted([{ start, end }], (at, part) => copyInto(bytes, start, at, part));
        return bytes;
      };
      return { name, byteLength, read };
    },
  };
}

/** @returns whether all that is wanted was kept, of this version. */
async function deliverKept(
  { kept, url, version }: KeptPlace,
  byteLength: number,
  ranges: readonly ByteRange[],
  sink: ByteSink,
): Promise<boolean> {
  const facts = await kept.facts(url);
  if (facts?.size !== byteLength || facts.version !== version) return false;
  const segments = await kept.segments(url);
  if (subtract([{ start: 0, end: byteLength }], segments).length > 0) return false;
  for (const segment of segments) {
    if (intersect(ranges, segment).length === 0) continue;
    const bytes = await kept.read(url, segment);
    if (bytes === undefined) return false;
    sink(segment.start, bytes);
  }
  return true;
}

/** Where there is no room to keep it, the tower is converted all the same. */
async function convertAndKeep(
  conversion: TowerConversion,
  { kept, url, version }: KeptPlace,
  source: string,
  options: OpenOptions,
  sink: ByteSink,
): Promise<void> {
  await kept.forget(url);
  let failure: HubError | undefined;
  const attempt = async (keep: () => Promise<void>): Promise<void> => {
    if (failure !== undefined) return;
    try {
      await keep();
    } catch (error) {
      if (!(error instanceof HubError)) throw error;
      failure = error;
      await kept.forget(url);
    }
  };
  const segments = new SegmentWriter(0, (start, bytes) => attempt(() => kept.keep(url, { start, end: start + bytes.length }, bytes)));
  try {
    await convert(conversion, source, options, async (start, bytes) => {
      sink(start, bytes);
      await segments.write(bytes);
    });
    await segments.flush();
    // Last: segments without facts are nothing.
    await attempt(() => kept.keepFacts(url, { size: segments.position, version }));
  } catch (error) {
    await kept.forget(url).catch(() => undefined);
    throw error;
  }
  if (failure !== undefined) (options.onNotKept ?? warn)(failure);
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
