/**
 * A model's files in a browser: what the pipeline reads, and many ranges at once, which sessions read.
 */
import type { HubError, ModelFiles, PretrainedOptions } from "@chinese-clip/pipeline";
import type { FileCache } from "../cache/file-cache.js";
import type { ByteRange, ByteSink } from "../http/byte-ranges.js";

/** What opening a model takes besides the options of every platform. */
export interface OpenOptions extends PretrainedOptions {
  /** Whether downloads are cached, and read from the cache. Default true. */
  readonly cache?: boolean | undefined;
  /**
   * Called when converted weights (`dtype`) cannot be cached because there is no room. The model loads all the same, and converts again at the
   * next visit. Default: a warning in the console.
   */
  readonly onCacheError?: ((error: HubError) => void) | undefined;
}

/** Where a file that is made of a model's files is cached. */
export interface CachePlace {
  readonly cache: FileCache;
  /** The name that it is cached under. */
  readonly url: string;
  /** Differs when the files that it is made of differ. */
  readonly version: string;
}

/** A model's files, wherever a page has them. */
export interface WebFiles extends ModelFiles {
  /**
   * Reads ranges of an opened file, in any order.
   *
   * @param file - the name that the opened file has.
   * @throws HubError - as requests do.
   */
  readRanges(file: string, ranges: readonly ByteRange[], sink: ByteSink): Promise<void>;
  /** Called when a load succeeded: stores what was learned on the way, such as which files there are not. */
  commit(): Promise<void>;
  /** Where to cache a file of this name that is made of `sources`, files of the model; undefined, or no such method, without a cache. */
  placeFor?(name: string, sources: readonly string[]): Promise<CachePlace | undefined>;
}
