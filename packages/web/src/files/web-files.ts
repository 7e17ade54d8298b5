/**
 * What sessions need of a model's files besides what the pipeline asks for: many ranges at once.
 */
import type { ModelFiles } from "@chinese-clip/pipeline";
import type { ByteRange } from "./byte-ranges.js";
import type { ByteSink } from "./remote-file.js";

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
}
