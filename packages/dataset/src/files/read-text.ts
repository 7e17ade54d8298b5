/** Text files that are read whole: lists of labels and templates, captions, tables. */
import { readWholeFile } from "@chinese-clip/pipeline/node";
import { DatasetError } from "../dataset-error.js";
import { missingFile } from "./read-lines.js";

/** Zero bytes as UTF-16 without a byte order mark has them: in its first character, or in a line end. */
const UTF16 = /^(?:\0|[^\0]\0)|\n\0|\0\n/;
/** Bytes that are looked at for them. */
const UTF16_BYTES = 1 << 16;

/**
 * A UTF-8 file, without the byte order mark that editors on Windows write. Any other encoding is an error: read as UTF-8 it would be other words.
 *
 * @param maximum - bytes that are read at most. Default: as many as a string can have characters.
 * @throws DatasetError - `not-utf8`, also for UTF-16; `too-large`; `no-such-file` and its like.
 */
export async function readText(file: string, maximum?: number): Promise<string> {
  const bytes = await readWholeFile(file, maximum).catch((cause: unknown) => {
    throw missingFile(file, cause);
  });
  if (UTF16.test(bytes.toString("latin1", 0, UTF16_BYTES))) throw new DatasetError("not-utf8", { file });
  try {
    return new TextDecoder("utf-8", { fatal: true }).decode(bytes);
  } catch (cause) {
    throw new DatasetError("not-utf8", { file }, { cause });
  }
}
