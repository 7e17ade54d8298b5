/**
 * What sessions need of a model's files besides what the pipeline asks for: many ranges at once.
 */
import type { ModelFiles } from "@chinese-clip/pipeline";
import type { ByteRange } from "./byte-ranges.js";
import type { KeptFiles } from "./kept-files.js";
import type { ByteSink } from "./remote-file.js";

/** Where something that is made of a model's files is kept. */
export interface KeptPlace {
  /** What keeps it. */
  readonly kept: KeptFiles;
  /** The name that it is kept under. */
  readonly url: string;
  /** Tells the files that it is made of from those that they may be replaced by. */
  readonly version: string;
}

/** A model's files, wherever a page has them. */
export interface WebFiles extends ModelFiles {
  /**
   * Hands out all bytes of some ranges of a file that was opened, in any order.
   *
   * @param file - the name that the opened file has.
   * @throws HubError - as requests do.
   */
  deliver(file: string, ranges: readonly ByteRange[], sink: ByteSink): Promise<void>;
  /** The load worked: what was found out on the way, such as which files there are not, is worth keeping. */
  settle(): Promise<void>;
  /**
   * Where to keep a file of this name that is made of `sources`, files of the model; undefined, or no such method, where nothing is kept.
   */
  placeFor?(name: string, sources: readonly string[]): Promise<KeptPlace | undefined>;
}
