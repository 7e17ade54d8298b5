/**
 * A list of files, one path a line, as `find` prints it, or with a zero byte behind each, as `find -print0` does.
 */
import { DatasetError } from "../dataset-error.js";
import { type FilePath, filePath } from "../images/walk-folder.js";

/** What editors on Windows put before a text. */
const BYTE_ORDER_MARK = Buffer.from([0xef, 0xbb, 0xbf]);

/** Bytes of a path that are taken, as a bound for what is no list. */
const LONGEST_PATH = 1 << 16;

/**
 * The paths of a list. Names that are no UTF-8 stay bytes.
 *
 * @param file - the list's name for messages.
 * @throws DatasetError - `no-paths`; `line-too-long`: this is no list.
 */
export async function* listedFiles(stream: AsyncIterable<Uint8Array | string>, file = "stdin"): AsyncGenerator<FilePath, void, undefined> {
  let count = 0;
  let pending: Buffer = Buffer.alloc(0);
  let separator: number | undefined;
  const paths = function* (line: Buffer): Generator<FilePath, void, undefined> {
    const bytes = line.at(-1) === 0x0d ? line.subarray(0, -1) : line;
    if (bytes.toString("latin1").trim() === "") return;
    count++;
    yield filePath(Buffer.from(bytes));
  };
  for await (const chunk of stream) {
    let bytes: Buffer = Buffer.concat([pending, typeof chunk === "string" ? Buffer.from(chunk) : chunk]);
    let from = 0;
    if (separator === undefined && (bytes.includes(0) || bytes.includes(0x0a))) {
      separator = bytes.includes(0) ? 0 : 0x0a; // no path has a zero byte in it
      bytes = withoutMark(bytes);
    }
    if (separator !== undefined) {
      for (let to = bytes.indexOf(separator); to >= 0; to = bytes.indexOf(separator, from)) {
        yield* paths(bytes.subarray(from, to));
        from = to + 1;
      }
    }
    pending = bytes.subarray(from);
    if (pending.length > LONGEST_PATH) throw new DatasetError("line-too-long", { maximum: LONGEST_PATH, file, line: count + 1 });
  }
  yield* paths(separator === undefined ? withoutMark(pending) : pending);
  if (count === 0) throw new DatasetError("no-paths", { file });
}

function withoutMark(bytes: Buffer): Buffer {
  return bytes.subarray(0, BYTE_ORDER_MARK.length).equals(BYTE_ORDER_MARK) ? bytes.subarray(BYTE_ORDER_MARK.length) : bytes;
}
