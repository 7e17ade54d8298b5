/**
 * A text file line by line, for files larger than memory. Node's `readline` is not used: it also ends lines at U+2028, which JSON strings
 * may hold as it is.
 */
import { isAbsent, NotAFileError, openFile } from "@chinese-clip/pipeline/node";
import { DatasetError } from "../dataset-error.js";

/** One line and its number, counted from 1. */
export interface NumberedLine {
  /** From 1. */
  readonly number: number;
  /** Without its end (`\n` or `\r\n`). */
  readonly text: string;
}

/** Longest line that is read, in UTF-16 units: an image of 96 MiB in base64. */
const LONGEST_LINE = 2 ** 27;

/**
 * The lines of a UTF-8 file, empty ones left out.
 *
 * @throws DatasetError - `no-such-file` and its like; `not-utf8`; `line-too-long`.
 */
export function readLines(file: string): AsyncGenerator<NumberedLine, void, undefined> {
  return linesOf(openBytes(file), file);
}

/**
 * The lines of UTF-8 bytes, empty ones left out.
 *
 * @param file - its name for messages.
 * @param before - lines that come before these.
 * @throws DatasetError - `not-utf8`; `line-too-long`; what reading throws.
 */
export async function* linesOf(chunks: AsyncIterable<Uint8Array>, file: string, before = 0): AsyncGenerator<NumberedLine, void, undefined> {
  const decoder = new TextDecoder("utf-8", { fatal: true });
  let number = before;
  let pending: string[] = [];
  let pendingLength = 0;
  const take = (end: string): NumberedLine | undefined => {
    const line = pending.length === 0 ? end : [...pending, end].join("");
    if (pending.length > 0) [pending, pendingLength] = [[], 0];
    number++;
    const text = line.endsWith("\r") ? line.slice(0, -1) : line;
    return text.trim() === "" ? undefined : { number, text };
  };
  const decode = (bytes: Uint8Array | undefined): string => {
    try {
      return bytes === undefined ? decoder.decode() : decoder.decode(bytes, { stream: true });
    } catch (cause) {
      throw new DatasetError("not-utf8", { file, line: number + 1 }, { cause });
    }
  };
  for await (const bytes of chunks) {
    const lines = decode(bytes).split("\n");
    const last = lines.pop() ?? "";
    for (const line of lines) {
      const taken = take(line);
      if (taken !== undefined) yield taken;
    }
    if (last !== "") pending.push(last);
    pendingLength += last.length;
    if (pendingLength > LONGEST_LINE) {
      throw new DatasetError("line-too-long", { maximum: LONGEST_LINE, file, line: number + 1 });
    }
  }
  const taken = take(decode(undefined));
  if (taken !== undefined) yield taken;
}

async function* openBytes(file: string): AsyncGenerator<Uint8Array, void, undefined> {
  try {
    const handle = await openFile(file);
    for await (const chunk of handle.createReadStream({ highWaterMark: 1 << 20 })) yield chunk as Uint8Array;
  } catch (cause) {
    throw missingFile(file, cause);
  }
}

/** What to say of a file that could not be opened or read. */
export function missingFile(file: string, cause: unknown): DatasetError {
  if (cause instanceof NotAFileError)
    return cause.code === "named-pipe"
      ? new DatasetError("named-pipe", { file }, { cause })
      : new DatasetError("too-large", { maximum: cause.maximum ?? 0, file }, { cause });
  const code = cause instanceof Error && "code" in cause ? cause.code : undefined;
  if (isAbsent(cause)) return new DatasetError("no-such-file", { file }, { cause });
  if (code === "EMFILE" || code === "ENFILE" || code === "ENOMEM")
    return new DatasetError("out-of-resources", { errno: code, file }, { cause });
  if (code === "EISDIR") return new DatasetError("not-a-file", { file }, { cause });
  const reason = cause instanceof Error ? cause.message : String(cause);
  return new DatasetError("unreadable", { reason, file }, { cause });
}
