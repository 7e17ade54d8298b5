/** Files of an output that no shard of the manifest has, and what killed processes left. */
import { type FileStore, shardFiles } from "@chinese-clip/dataset";
import { readdir } from "node:fs/promises";
import { dirname, join, relative } from "node:path";
import type { AuditFault, AuditOptions } from "./audit-types.js";

/** Folders that shards have files in. */
const FOLDERS = [...new Set(Object.values(shardFiles(0) as unknown as Readonly<Record<string, string>>).map((name) => dirname(name)))];

/** A file's number. */
const NUMBER = /_(\d{4,10})\.\w+$/u;

/** Names by which the writers of this project mark what is not whole. */
const PART = /(?:\.part|\.chinese-clip\.[\w.]+|\.staging)$/u;

/**
 * Finds them.
 *
 * @param isRecorded - whether a shard's record names a file.
 */
export async function* unknownFiles(
  store: FileStore,
  options: AuditOptions,
  isRecorded: (index: number, file: string) => boolean,
): AsyncGenerator<AuditFault, void, undefined> {
  const { manifest, signal } = options;
  for (const folder of FOLDERS) {
    for await (const { name } of store.list(folder, { signal })) {
      const index = Number(NUMBER.exec(name)?.[1] ?? Number.NaN);
      const isOurs = Object.values(shardFiles(index) as unknown as Readonly<Record<string, string>>).includes(name);
      if (!isOurs) yield { kind: "unknown-file", file: name, reason: "no file of a shard" };
      else if (index >= manifest.ids.length) yield { kind: "unknown-file", file: name, reason: `the manifest has no shard ${index}` };
      else if (!isRecorded(index, name)) yield { kind: "unknown-file", file: name, reason: "the record of its shard does not have it" };
    }
  }
  // What follows is on this machine's disk alone: a bucket has no hidden files.
  for (const name of await readdir(store.staging).catch(() => [])) {
    const file = relative(store.label, join(store.staging, name));
    yield { kind: "leftover", file, reason: "a worker writes it, or was killed while it did" };
  }
  if (relative(store.label, store.staging).startsWith("..")) return;
  yield* unknownInFolder(store.label, options);
}

async function* unknownInFolder(root: string, { known = [] }: AuditOptions): AsyncGenerator<AuditFault, void, undefined> {
  const entries = await readdir(root, { withFileTypes: true }).catch(() => []);
  for (const entry of entries) {
    if (entry.name === ".staging" || known.includes(entry.name) || (entry.isDirectory() && FOLDERS.includes(entry.name))) continue;
    yield entry.name.startsWith(".") && PART.test(entry.name)
      ? { kind: "leftover", file: entry.name, reason: "a process was killed while it wrote it" }
      : { kind: "unknown-file", file: entry.name, reason: "no file of a shard" };
  }
  for (const folder of FOLDERS) {
    const below = await readdir(join(root, folder), { withFileTypes: true }).catch(() => []);
    for (const entry of below) {
      const file = `${folder}/${entry.name}`;
      if (entry.name.startsWith(".")) yield { kind: "leftover", file, reason: "a process was killed while it wrote it" };
      else if (!entry.isFile()) yield { kind: "unknown-file", file, reason: "no file" };
    }
  }
}
