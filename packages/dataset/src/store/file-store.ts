/**
 * Where the files of finished shards are: a folder or a bucket. A file is there whole or not at all, and a file that is there is replaced whole.
 */
import { mkdir, open, readdir, rename, rm, stat } from "node:fs/promises";
import { dirname, join } from "node:path";
import { isAbsent, writingTo } from "@chinese-clip/pipeline/node";
import { readChunks } from "../files/read-chunks.js";
import { missingFile } from "../files/read-lines.js";

/** A file of a store. */
export interface StoredFile {
  /** Its path below the store, with `/`. */
  readonly name: string;
  /** Its length in bytes. */
  readonly size: number;
}

/** What ends a call to a store. */
export interface StoreCall {
  /** Ends the call with its reason. */
  readonly signal?: AbortSignal | undefined;
}

/** Files by name. */
export interface FileStore {
  /** The folder, or `s3://bucket/prefix`. */
  readonly label: string;
  /** A folder of this machine where files are written before they are put; on the store's disk, where it has one. */
  readonly staging: string;
  /** Where a file of the store is on this machine, whether it is there or not; a store that is elsewhere has no such function. */
  readonly path?: ((name: string) => string) | undefined;
  /** A file's size, or undefined where there is none. */
  stat(name: string, call?: StoreCall): Promise<StoredFile | undefined>;
  /** A file's bytes in chunks. @throws DatasetError - `no-such-file`. */
  read(name: string, call?: StoreCall): AsyncGenerator<Uint8Array, void, undefined>;
  /** Takes a file over from {@link FileStore.staging}; when this resolves, it is there for everybody. */
  put(name: string, file: string, call?: StoreCall): Promise<void>;
  /** Removes a file, if it is there. */
  remove(name: string, call?: StoreCall): Promise<void>;
  /** The files below a folder of the store, by name; none where there is no such folder. */
  list(folder: string, call?: StoreCall): AsyncGenerator<StoredFile, void, undefined>;
}

/** Bytes of a file that is read whole, at most. */
const MOST_BYTES = 16 << 20;

/** A folder as a store. It is made when the first file is put. */
export function folderStore(folder: string): FileStore {
  const path = (name: string): string => join(folder, ...name.split("/"));
  return {
    label: folder,
    staging: join(folder, ".staging"),
    path,
    async stat(name) {
      const found = await stat(path(name)).catch(none);
      return found?.isFile() === true ? { name, size: found.size } : undefined;
    },
    async *read(name, { signal } = {}) {
      const handle = await open(path(name)).catch((cause: unknown) => {
        throw missingFile(path(name), cause);
      });
      try {
        for await (const chunk of readChunks(handle)) {
          signal?.throwIfAborted();
          yield chunk;
        }
      } finally {
        await handle.close();
      }
    },
    put: (name, file) =>
      writingTo(path(name), async () => {
        await mkdir(dirname(path(name)), { recursive: true });
        await rename(file, path(name));
      }),
    remove: (name) => writingTo(path(name), () => rm(path(name), { force: true })),
    async *list(below, { signal } = {}) {
      const names = await readdir(path(below)).catch(none);
      for (const name of names?.sort() ?? []) {
        signal?.throwIfAborted();
        const found = await stat(join(path(below), name)).catch(none);
        if (found?.isFile() === true && !name.startsWith(".")) yield { name: `${below}/${name}`, size: found.size };
      }
    },
  };
}

/** A file's bytes, or undefined where there is no such file or it is longer than `maximum`. */
export async function readStored(store: FileStore, name: string, maximum: number, call?: StoreCall): Promise<Buffer | undefined> {
  const found = await store.stat(name, call);
  if (found === undefined || found.size > maximum) return undefined;
  const chunks: Uint8Array[] = [];
  let length = 0;
  for await (const chunk of store.read(name, call)) {
    length += chunk.length;
    if (length > maximum) return undefined;
    chunks.push(chunk);
  }
  return Buffer.concat(chunks);
}

/** A small file as text, or undefined where there is none or it is larger than 16 MiB. */
export async function readText(store: FileStore, name: string, call?: StoreCall): Promise<string | undefined> {
  return (await readStored(store, name, MOST_BYTES, call))?.toString("utf8");
}

/** Writes text into a staged file. */
export async function stageText(file: string, text: string): Promise<void> {
  const handle = await open(file, "w");
  try {
    await handle.writeFile(text);
    await handle.sync();
  } finally {
    await handle.close();
  }
}

function none(error: unknown): undefined {
  if (isAbsent(error)) return undefined;
  throw error;
}
