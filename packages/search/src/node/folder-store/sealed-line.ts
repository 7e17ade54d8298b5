/**
 * Lines of JSON with a checksum as their last key: `{"n":1,…,"sum":"0a1b2c3d"}`, the CRC-32 of the bytes before `,"sum"`. They are JSONL for every other
 * reader.
 */
import { crc32 } from "node:zlib";

/** Bytes of `,"sum":"0a1b2c3d"}`. */
const SEAL = 18;

/** A line, with its newline. */
export function sealLine(value: Readonly<Record<string, unknown>>): string {
  return sealBody(JSON.stringify(value).slice(0, -1));
}

/** A line, with its newline, from a JSON object without its last brace. */
export function sealBody(body: string): string {
  return `${body}${sealOf(crc32(body))}\n`;
}

/**
 * The body of a line without its newline: a JSON object without its last brace.
 *
 * @returns undefined for a line whose bytes are not those that were written.
 */
export function bodyOf(line: Uint8Array): Buffer | undefined {
  const bytes = Buffer.from(line.buffer, line.byteOffset, line.length);
  const body = bytes.subarray(0, -SEAL);
  return bytes.length <= SEAL || bytes.toString("latin1", body.length) !== sealOf(crc32(body)) ? undefined : body;
}

/**
 * Reads a line without its newline.
 *
 * @returns undefined for a line whose bytes are not those that were written.
 */
export function openLine(line: Uint8Array): Readonly<Record<string, unknown>> | undefined {
  const body = bodyOf(line);
  return body === undefined ? undefined : parseObject(`${body.toString()}}`);
}

/** A JSON object; undefined for anything else. */
export function parseObject(text: string): Readonly<Record<string, unknown>> | undefined {
  try {
    const value: unknown = JSON.parse(text);
    return typeof value === "object" && value !== null ? (value as Readonly<Record<string, unknown>>) : undefined;
  } catch {
    return undefined;
  }
}

function sealOf(sum: number): string {
  return `,"sum":"${sum.toString(16).padStart(8, "0")}"}`;
}
