/** A store from what names it, as a command line does. */
import { type FileStore, folderStore } from "./file-store.js";
import { s3Store, type S3StoreOptions } from "./s3-store.js";

/** Options of {@link openStore}. */
export interface StoreOptions {
  /** How a bucket is reached. */
  readonly s3?: S3StoreOptions | undefined;
}

/**
 * Opens a store of finished shards. Nothing is read or made yet.
 *
 * @param spec - a folder, or `s3://bucket/prefix`.
 * @throws DatasetError - `s3-address`.
 */
export function openStore(spec: string, { s3 }: StoreOptions = {}): FileStore {
  return spec.startsWith("s3:") ? s3Store(spec, s3) : folderStore(spec);
}
