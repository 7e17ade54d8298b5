/**
 * Headers of tar members: POSIX ustar, GNU's and the older ones without a mark. Numbers are octal, or base 256 where GNU tar or a PAX record
 * needed more digits. Follows POSIX.1-2017 `pax` and GNU tar's manual, "Basic Tar Format".
 */

/** Bytes of a header, and what every member is padded to. */
export const BLOCK = 512;

/** What a header states. */
export interface TarHeader {
  /** The name's bytes, without PAX records and GNU's long names. */
  readonly name: Buffer;
  /** The character of the type: `0` is a file. */
  readonly type: string;
  /** Bytes of the body. */
  readonly size: number;
  /** Whether another block of a sparse file's map comes before its body. */
  readonly isExtended: boolean;
}

/** Whether a block is all zeros, which ends an archive. */
export function isZero(block: Buffer): boolean {
  return block.every((byte) => byte === 0);
}

/**
 * Reads a header.
 *
 * @param block - 512 bytes.
 * @returns undefined where the checksum or the size is not one.
 */
export function parseTarHeader(block: Buffer): TarHeader | undefined {
  const stated = numberAt(block, 148, 8);
  if (stated === undefined || !sums(block).includes(stated)) return undefined;
  const size = numberAt(block, 124, 12);
  if (size === undefined) return undefined;
  const type = String.fromCharCode(block[156] ?? 0);
  const magic = block.toString("latin1", 257, 265);
  const name = field(block, 0, 100);
  // GNU's magic has a space where POSIX has a zero, and times where POSIX has a prefix.
  const prefix = magic.startsWith("ustar\0") ? field(block, 345, 155) : Buffer.alloc(0);
  return {
    name: prefix.length === 0 ? name : Buffer.concat([prefix, Buffer.from("/"), name]),
    type: type === "\0" || type === "7" ? "0" : type,
    size,
    isExtended: type === "S" && block[482] !== 0,
  };
}

/** The sum of a header's bytes, its own field counted as spaces; old programs added signed bytes. */
function sums(block: Buffer): readonly [number, number] {
  let [unsigned, signed] = [0, 0];
  for (let at = 0; at < BLOCK; at++) {
    const byte = at >= 148 && at < 156 ? 0x20 : (block[at] ?? 0);
    unsigned += byte;
    signed += byte > 127 ? byte - 256 : byte;
  }
  return [unsigned, signed];
}

/** A field up to its first zero. */
function field(block: Buffer, start: number, length: number): Buffer {
  const bytes = block.subarray(start, start + length);
  const end = bytes.indexOf(0);
  return end < 0 ? bytes : bytes.subarray(0, end);
}

/** A number of a field, or undefined where it is none, negative, or beyond 2^53. */
function numberAt(block: Buffer, start: number, length: number): number | undefined {
  const first = block[start] ?? 0;
  if (first === 0x80) {
    let value = 0;
    for (let at = start + 1; at < start + length; at++) value = value * 256 + (block[at] ?? 0);
    return Number.isSafeInteger(value) ? value : undefined;
  }
  // Spaces before the digits, spaces and zeros behind them.
  const text = block
    .toString("latin1", start, start + length)
    .replaceAll("\0", " ")
    .trim();
  if (text === "") return 0;
  return /^[0-7]+$/u.test(text) ? Number.parseInt(text, 8) : undefined;
}

/**
 * The records of a PAX header: `25 path=photos/猫.jpg\n`.
 *
 * @returns undefined where they are not in this format.
 */
export function parsePax(body: Buffer): ReadonlyMap<string, Buffer> | undefined {
  const records = new Map<string, Buffer>();
  for (let at = 0; at < body.length;) {
    const space = body.indexOf(0x20, at);
    const digits = space < 0 || space - at > 10 ? "" : body.toString("latin1", at, space);
    if (!/^[1-9]\d*$/u.test(digits)) return isZero(body.subarray(at)) && at > 0 ? records : undefined;
    const end = at + Number(digits);
    const equals = body.indexOf(0x3d, space);
    if (end > body.length || equals < 0 || equals >= end || body[end - 1] !== 0x0a) return undefined;
    records.set(body.toString("utf8", space + 1, equals), body.subarray(equals + 1, end - 1));
    at = end;
  }
  return records;
}
