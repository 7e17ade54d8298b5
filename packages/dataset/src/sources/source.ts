/**
 * What every source of images and texts is: a list of shards, and the items of one of them. Listing is done once, by the process that makes the
 * manifest; reading by any number of others. Nothing of a source is held in memory but the item that is read.
 */
import type { DatasetError } from "../dataset-error.js";

/** A value of JSON. */
export type JsonValue = string | number | boolean | null | readonly JsonValue[] | { readonly [name: string]: JsonValue };

/** An object of JSON. */
export type JsonObject = Readonly<Record<string, JsonValue>>;

/** A part of a source that one job embeds: plain JSON, for a manifest or a queue. */
export interface SourceShard {
  /** Its name, the same whoever lists the source: 1 to 100 of `A-Z a-z 0-9 _ . -`, safe as a file name. */
  readonly id: string;
  /** Its place in the list, from 0. */
  readonly index: number;
  /** How many items it has, where that is known without reading them. */
  readonly count?: number;
  /** What the source reads it by: a tar, a range of rows or bytes. Only the source that listed it understands it. */
  readonly part: JsonValue;
}

/** An image, a text, or an image and its caption. */
export interface SourceSample {
  /** Its name within the source: a path below the folder, the key of a tar's members, an id. */
  readonly key: string;
  /** The image's file, or its encoded bytes. */
  readonly image?: string | Uint8Array;
  /** Its text. */
  readonly caption?: string;
  /** What else the source states of it. */
  readonly meta?: JsonObject;
}

/** An item that cannot be read; the shard goes on behind it. */
export interface SourceFault {
  /** Its name within the source. */
  readonly key: string;
  /** Why it cannot be read. */
  readonly error: DatasetError;
}

/** What a shard holds. */
export type SourceItem = SourceSample | SourceFault;

/** How a source is listed. */
export interface ListOptions {
  /** Items of a shard, at least 1; a source whose parts are files, such as tars, has one shard for each. Default 1000. */
  readonly shardSize?: number | undefined;
  /** Ends listing with its reason. */
  readonly signal?: AbortSignal | undefined;
}

/** Where images and texts come from. */
export interface DataSource {
  /** What it was opened by, without credentials, for messages and manifests. */
  readonly spec: string;
  /**
   * Its shards, in an order that is the same in every run.
   *
   * @throws DatasetError - there is no such source, or nothing in it.
   */
  list(options?: ListOptions): AsyncIterable<SourceShard>;
  /**
   * The items of a shard, in an order that is the same in every run; an item that cannot be read is a {@link SourceFault}.
   *
   * @throws DatasetError - the shard as a whole cannot be read: `invalid-shard` when this source did not list it, `source-changed` when its file is
   * another one than when it was listed.
   */
  read(shard: SourceShard, options?: { readonly signal?: AbortSignal | undefined }): AsyncGenerator<SourceItem, void, undefined>;
}

/** Items of a shard unless another number is asked for. */
export const SHARD_SIZE = 1000;
