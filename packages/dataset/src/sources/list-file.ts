/**
 * A list of files, one path a line, as `find` prints it, or with a zero byte behind each, as `find -print0` does.
 */
import { DatasetError } from "../dataset-error.js";
import { type FilePath, filePath } from "../images/walk-folder.js";

/** What editors on Windows put before a text. */
const BYTE_ORDER_MARK = Buffer.from([0xef, 0xbb, 0xbf]);

/** What they put before one in UTF-16, such as a list that PowerShell wrote. */
const UTF16_MARKS = [Buffer.from([0xff, 0xfe]), Buffer.from([0xfe, 0xff])];

/** Bytes of a path that are taken, as a bound for what is no list. */
const LONGEST_PATH = 1 << 16;

/**
 * The paths of a list. Names that are no UTF-8 stay bytes.
 *
 * @param file - the list's name for messages.
 * @throws DatasetError - `no-paths`; `not-utf8`: it is in UTF-16; `line-too-long`: this is no list.
 */
export async function* listedFiles(stream: AsyncIterable<Uint8Array | string>, file = "stdin"): AsyncGenerator<FilePath, void, undefined> {
  let count = 0;
  let pending: Buffer = Buffer.alloc(0);
  let separator: number | undefined;
  const pathOf = (line: Buffer): FilePath | undefined => {
    const bytes = line.at(-1) === 0x0d ? line.subarray(0, -1) : line;
    if (bytes.toString("latin1").trim() === "") return undefined;
    count++;
    return filePath(Buffer.from(bytes));
  };
  for await (const chunk of stream) {
    let bytes: Buffer = Buffer.concat([pending, typeof chunk === "string" ? Buffer.from(chunk) : chunk]);
    let from = 0;
    if (separator === undefined && (bytes.includes(0) || bytes.includes(0x0a))) {
      rejectUtf16(bytes, file);
      separator = bytes.includes(0) ? 0 : 0x0a; // no path has a zero byte in it
      bytes = withoutMark(bytes);
    }
    if (separator !== undefined) {
      for (let to = bytes.indexOf(separator); to >= 0; to = bytes.indexOf(separator, from)) {
        const path = pathOf(bytes.subarray(from, to));
        if (path !== undefined) yield path;
        from = to + 1;
      }
    }
    pending = bytes.subarray(from);
    if (pending.length > LONGEST_PATH) throw new DatasetError("line-too-long", { maximum: LONGEST_PATH, file, line: count + 1 });
  }
  const last = pathOf(separator === undefined ? withoutMark(pending) : pending);
  if (last !== undefined) yield last;
  if (count === 0) throw new DatasetError("no-paths", { file });
}

/**
 * Makes sure that the start of a list is not UTF-16, whose zero bytes would be taken for separators.
 *
 * @throws DatasetError - `not-utf8`.
 */
export function rejectUtf16(bytes: Buffer, file: string): void {
  if (UTF16_MARKS.some((mark) => bytes.subarray(0, mark.length).equals(mark))) throw new DatasetError("not-utf8", { file });
}

function withoutMark(bytes: Buffer): Buffer {
  return bytes.subarray(0, BYTE_ORDER_MARK.length).equals(BYTE_ORDER_MARK) ? bytes.subarray(BYTE_ORDER_MARK.length) : bytes;
}
