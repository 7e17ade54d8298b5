/**
 * The members of a tar as samples, as webdataset groups them: what is before the first dot of a file's name is the key, what is behind it says
 * what the member is: an image, `txt` for its caption, `json` for its metadata.
 */
import { open } from "node:fs/promises";
import { DatasetError, shown } from "../dataset-error.js";
import { checkUnchanged, stampOf } from "../files/file-stamp.js";
import { readChunks } from "../files/read-chunks.js";
import { missingFile } from "../files/read-lines.js";
import { IMAGE_EXTENSIONS } from "../images/list-images.js";
import type { JsonObject, SourceItem, SourceSample } from "./source.js";
import { readTar, type TarMember } from "../tar/read-tar.js";
import { BLOCK } from "../tar/tar-header.js";

const IMAGES: ReadonlySet<string> = new Set(IMAGE_EXTENSIONS.map((extension) => extension.slice(1)));

/** Bytes of a caption or of metadata, at most. */
const MOST_TEXT_BYTES = 4 << 20;

/** Bytes of samples that wait for more of their members in a stream. */
const WINDOW_BYTES = 64 << 20;
/** Samples that do. */
const WINDOW_SAMPLES = 1000;

/** What is bounded while a tar is read. */
export interface SampleLimits {
  /** Bytes of an image, at most. */
  readonly maxMemberBytes: number;
}

type Part = "image" | "caption" | "meta";

/** A member's key and what it is of the sample; undefined for what is neither image, caption nor metadata, and for hidden files. */
export function partOf(name: string): { readonly key: string; readonly part: Part } | undefined {
  const [, key, extension = ""] = /^((?:.*\/)?[^./][^./]*)\.([^/]+)$/su.exec(name) ?? [];
  if (key === undefined) return undefined;
  const lower = extension.toLowerCase();
  const part = IMAGES.has(lower) ? "image" : lower === "txt" ? "caption" : lower === "json" ? "meta" : undefined;
  return part === undefined ? undefined : { key: key.replace(/^(?:\.?\/)+/u, ""), part };
}

const wants = (name: string): boolean => partOf(name) !== undefined;

/**
 * The samples of a tar on this machine, members in any order: it is looked through once for where they are, then each sample's are read. A sample is
 * in the place of its first member.
 *
 * @throws DatasetError - `replaced-while-read`; as {@link readTar}.
 */
export async function* localSamples(
  path: string,
  { maxMemberBytes }: SampleLimits,
  signal?: AbortSignal,
): AsyncGenerator<SourceItem, void, undefined> {
  const handle = await open(path).catch((cause: unknown) => {
    throw missingFile(path, cause);
  });
  try {
    const stamp = await stampOf(handle);
    const found = new Map<string, Entry>();
    for await (const member of readTar(readChunks(handle), { file: path, wants: () => false, maxMemberBytes })) {
      signal?.throwIfAborted();
      note(found, member, path, maxMemberBytes);
    }
    for (const [key, { parts: places, error }] of found) {
      signal?.throwIfAborted();
      if (error !== undefined) yield { key, error };
      else {
        const read = async (part: Part): Promise<Buffer | undefined> => {
          const at = places[part];
          if (at === undefined) return undefined;
          const bytes = Buffer.alloc(at.size);
          const { bytesRead } = await handle.read(bytes, 0, at.size, at.offset + BLOCK);
          if (bytesRead < at.size) throw new DatasetError("tar-cut", { name: shown(at.name), offset: at.offset, file: path });
          return bytes;
        };
        const parts = { image: await read("image"), caption: await read("caption"), meta: await read("meta") };
        await checkUnchanged(handle, stamp, path); // its members may be elsewhere
        yield sampleOf(key, parts, path);
      }
    }
  } finally {
    await handle.close();
  }
}

interface Entry {
  parts: { [Name in Part]?: Pick<TarMember, "name" | "offset" | "size"> };
  error?: DatasetError;
}

function note(found: Map<string, Entry>, { name, offset, size, body }: TarMember, file: string, maxMemberBytes: number): void {
  const place = partOf(name);
  if (body instanceof DatasetError) {
    const key = place?.key ?? name;
    found.set(key, { parts: found.get(key)?.parts ?? {}, error: body });
    return;
  }
  if (place === undefined) return;
  const entry: Entry = found.get(place.key) ?? { parts: {} };
  const maximum = place.part === "image" ? maxMemberBytes : MOST_TEXT_BYTES;
  if (size > maximum) entry.error ??= new DatasetError("member-too-large", { name: shown(name), offset, got: size, maximum, file });
  else if (entry.parts[place.part]?.name === name) entry.error ??= new DatasetError("duplicate-key", { name: shown(name), file });
  else entry.parts[place.part] ??= { name, offset, size };
  found.set(place.key, entry);
}

/**
 * The samples of a tar that comes as a stream. Members of a sample may be apart as far as 64 MiB of others; then a sample is given without waiting
 * for more.
 *
 * @throws DatasetError - `tar-scattered`; as {@link readTar}.
 */
export async function* streamedSamples(
  chunks: AsyncIterable<Uint8Array>,
  file: string,
  { maxMemberBytes }: SampleLimits,
  signal?: AbortSignal,
): AsyncGenerator<SourceItem, void, undefined> {
  const waiting = new Map<
    string,
    { parts: { [Name in Part]?: { readonly name: string; readonly bytes: Buffer } }; error?: DatasetError }
  >();
  const given = new Set<string>();
  let held = 0;
  const give = (key: string): SourceItem => {
    const { parts, error } = waiting.get(key) ?? { parts: {} };
    waiting.delete(key);
    given.add(key);
    for (const part of Object.values(parts)) held -= part.bytes.length;
    if (error !== undefined) return { key, error };
    return sampleOf(key, { image: parts.image?.bytes, caption: parts.caption?.bytes, meta: parts.meta?.bytes }, file);
  };
  for await (const { name, offset, size, body } of readTar(chunks, { file, wants, maxMemberBytes })) {
    signal?.throwIfAborted();
    const place = partOf(name);
    const key = place?.key ?? name;
    if (place === undefined && !(body instanceof DatasetError)) continue;
    if (given.has(key)) throw new DatasetError("tar-scattered", { name: shown(key), file });
    const entry = waiting.get(key) ?? { parts: {} };
    waiting.set(key, entry);
    if (body instanceof DatasetError) entry.error = body;
    else if (place !== undefined && body !== undefined) {
      if (place.part !== "image" && size > MOST_TEXT_BYTES)
        entry.error ??= new DatasetError("member-too-large", { name: shown(name), offset, got: size, maximum: MOST_TEXT_BYTES, file });
      else if (entry.parts[place.part]?.name === name) entry.error ??= new DatasetError("duplicate-key", { name: shown(name), file });
      else if (entry.parts[place.part] === undefined) {
        entry.parts[place.part] = { name, bytes: body };
        held += body.length;
      }
    }
    for (const [first] of waiting) {
      if (held <= WINDOW_BYTES && waiting.size <= WINDOW_SAMPLES) break;
      yield give(first);
    }
  }
  for (const [key] of waiting) yield give(key);
}

function sampleOf(key: string, { image, caption, meta }: { readonly [Name in Part]: Buffer | undefined }, file: string): SourceItem {
  let [text, object] = [undefined as string | undefined, undefined as JsonObject | undefined];
  try {
    if (caption !== undefined) text = new TextDecoder("utf-8", { fatal: true }).decode(caption);
  } catch (cause) {
    return { key, error: new DatasetError("not-utf8", { file: `${file}: ${shown(key)}.txt` }, { cause }) };
  }
  if (meta !== undefined) {
    const parsed = parseObject(meta);
    if (typeof parsed === "string")
      return { key, error: new DatasetError("sample-json", { name: `${shown(key)}.json`, reason: parsed, file }) };
    object = parsed;
    if (text === undefined && typeof object["caption"] === "string") text = object["caption"];
  }
  const sample: { -readonly [Name in keyof SourceSample]: SourceSample[Name] } = { key };
  if (image !== undefined) sample.image = image;
  if (text !== undefined) sample.caption = text;
  if (object !== undefined) sample.meta = object;
  return sample;
}

/** Arrays and objects in each other that are read: what handles them later calls itself for each. */
const DEEPEST = 100;

/** An object, or what is wrong with it. */
function parseObject(bytes: Buffer): JsonObject | string {
  if (isDeep(bytes)) return `nested deeper than ${DEEPEST}`;
  try {
    const value: unknown = JSON.parse(bytes.toString("utf8"));
    if (typeof value === "object" && value !== null && !Array.isArray(value)) return value as JsonObject;
    return shown(value);
  } catch (error) {
    return shown(error instanceof Error ? error.message : String(error));
  }
}

function isDeep(bytes: Buffer): boolean {
  let [depth, inString] = [0, false];
  for (let at = 0; at < bytes.length; at++) {
    const byte = bytes[at];
    if (inString) {
      if (byte === 0x5c) at++;
      else if (byte === 0x22) inString = false;
    } else if (byte === 0x22) inString = true;
    else if (byte === 0x5b || byte === 0x7b) {
      if (++depth > DEEPEST) return true;
    } else if (byte === 0x5d || byte === 0x7d) depth--;
  }
  return false;
}
