/**
 * A list of files, one path a line, as `find` prints it.
 */
import { DatasetError } from "../dataset-error.js";
import { type FilePath, filePath } from "../images/walk-folder.js";

/** Bytes of a path that are taken, as a bound for what is no list. */
const LONGEST_PATH = 1 << 16;

/**
 * The paths of a list. Names that are no UTF-8 stay bytes.
 *
 * @throws DatasetError - `no-paths`; `line-too-long`: this is no list.
 */
export async function* listedFiles(stream: AsyncIterable<Uint8Array | string>): AsyncGenerator<FilePath, void, undefined> {
  let count = 0;
  let pending = Buffer.alloc(0);
  const paths = function* (line: Buffer): Generator<FilePath, void, undefined> {
    const bytes = line.at(-1) === 0x0d ? line.subarray(0, -1) : line;
    if (bytes.toString("latin1").trim() === "") return;
    count++;
    yield filePath(Buffer.from(bytes));
  };
  for await (const chunk of stream) {
    const bytes = Buffer.concat([pending, typeof chunk === "string" ? Buffer.from(chunk) : chunk]);
    let from = 0;
    for (let to = bytes.indexOf(10); to >= 0; to = bytes.indexOf(10, from)) {
      yield* paths(bytes.subarray(from, to));
      from = to + 1;
    }
    pending = bytes.subarray(from);
    if (pending.length > LONGEST_PATH) throw new DatasetError("line-too-long", { maximum: LONGEST_PATH, file: "stdin", line: count + 1 });
  }
  yield* paths(pending);
  if (count === 0) throw new DatasetError("no-paths", { file: "stdin" });
}
