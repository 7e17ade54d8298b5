/** A text file divided at its lines: a shard is a range of bytes, so that no reader has to go through what comes before. */
import type { ByteFile } from "../bytes/byte-file.js";
import { DatasetError } from "../dataset-error.js";
import { rejectUtf16 } from "./list-file.js";
import { shardId } from "./shard-id.js";
import type { JsonValue, SourceShard } from "./source.js";

/** Lines of a file. */
export interface LineRange {
  /** The first byte. */
  readonly from: number;
  /** Behind the last byte. */
  readonly to: number;
  /** Lines of the file before it. */
  readonly before: number;
  /** Bytes of the whole file when it was listed. */
  readonly size: number;
}

/** Bytes of a line, at most; as {@link "../files/read-lines.js"} has it. */
const LONGEST_LINE = 2 ** 27;

/**
 * Divides a file into shards of `shardSize` lines that are not empty.
 *
 * @param canBeZero - whether zero bytes end lines where there are any, as `find -print0` writes them.
 */
export async function* lineShards(
  file: ByteFile,
  shardSize: number,
  canBeZero: boolean,
  signal: AbortSignal | undefined,
): AsyncGenerator<SourceShard, void, undefined> {
  const size = await file.size({ signal });
  let separator: number | undefined = canBeZero ? undefined : 0x0a;
  let [at, from, before, index] = [0, 0, 0, 0];
  let [line, lines, count, start, isEmpty] = [0, 0, 0, 0, true];
  const shardTo = (to: number): SourceShard => {
    const where: LineRange & Readonly<Record<string, JsonValue>> = { from, to, before, size };
    const shard = { id: shardId(index, [from, to, size]), index: index++, count, part: where };
    [from, before, count] = [to, lines, 0];
    return shard;
  };
  for await (const chunk of file.stream({ signal })) {
    const bytes = Buffer.from(chunk.buffer, chunk.byteOffset, chunk.byteLength);
    if (at === 0) rejectUtf16(bytes, file.label);
    if (separator === undefined && (bytes.includes(0) || bytes.includes(0x0a))) separator = bytes.includes(0) ? 0 : 0x0a;
    for (let i = 0; i < bytes.length;) {
      const end = separator === undefined ? -1 : bytes.indexOf(separator, i);
      const stop = end < 0 ? bytes.length : end;
      for (let j = i; isEmpty && j < stop; j++) isEmpty = (bytes[j] ?? 0) <= 0x20;
      line += stop - i;
      if (line > LONGEST_LINE) throw new DatasetError("line-too-long", { maximum: LONGEST_LINE, file: file.label, line: lines + 1 });
      i = stop + 1;
      if (end < 0) break;
      lines++;
      if (!isEmpty) count++;
      [line, isEmpty] = [0, true];
      start = at + i;
      if (count === shardSize) yield shardTo(start);
    }
    at += bytes.length;
  }
  if (!isEmpty) count++;
  if (count > 0) yield shardTo(at);
}

/**
 * The range of a shard of {@link lineShards}, if the file is still the one that was listed.
 *
 * @throws DatasetError - `invalid-shard`, `source-changed`.
 */
export async function lineRange(file: ByteFile, { id, part }: SourceShard, signal: AbortSignal | undefined): Promise<LineRange> {
  const { from, to, before, size } = typeof part === "object" && part !== null ? (part as Readonly<Record<string, unknown>>) : {};
  const isCount = (value: unknown): value is number => typeof value === "number" && Number.isSafeInteger(value) && value >= 0;
  if (!isCount(from) || !isCount(to) || !isCount(before) || !isCount(size) || to > size || from > to)
    throw new DatasetError("invalid-shard", { id, expected: "a range of lines" });
  const found = await file.size({ signal });
  if (found !== size) throw new DatasetError("source-changed", { got: found, expected: size, file: file.label });
  return { from, to, before, size };
}
