/**
 * `multipart/form-data` (RFC 7578) of a few fields, found in the bytes without copies.
 */
import { ServerError } from "../server-error.js";

/** One field's value. */
export interface FormField {
  readonly bytes: Uint8Array<ArrayBuffer>;
  /** Whether it was sent as a file. */
  readonly isFile: boolean;
}

/** Fields of a form, at most. */
const MAX_FIELDS = 16;

/** Bytes of a field's headers. */
const MAX_HEAD = 4096;

const [DASHES, LINE_END, HEAD_END] = ["--", "\r\n", "\r\n\r\n"].map((text) => new TextEncoder().encode(text)) as [
  Uint8Array,
  Uint8Array,
  Uint8Array,
];

/**
 * Reads a form; of a name that is there twice, the first.
 *
 * @param contentType - the request's header.
 * @throws ServerError - `unsupported-media-type`, `invalid-form`.
 */
export function parseForm(bytes: Uint8Array<ArrayBuffer>, contentType: string): ReadonlyMap<string, FormField> {
  const match = /^multipart\/form-data;(?:[^;]{0,200};)?\s{0,8}boundary=(?:"([^"]{1,70})"|([^\s;,"]{1,70}))/i.exec(contentType);
  const boundary = match?.[1] ?? match?.[2];
  if (boundary === undefined) throw new ServerError("unsupported-media-type", "expected a body of multipart/form-data with its boundary");
  const mark = new TextEncoder().encode(`\r\n--${boundary}`);
  const fields = new Map<string, FormField>();
  // The first boundary has no line before it.
  let at = isAt(bytes, mark.subarray(2), 0) ? mark.length - 2 : indexOf(bytes, mark, 0) + mark.length;
  if (at < mark.length - 2) throw invalid("no boundary");
  for (let count = 0; !isAt(bytes, DASHES, at); count++) {
    if (count >= MAX_FIELDS) throw invalid(`more than ${MAX_FIELDS} fields`);
    if (!isAt(bytes, LINE_END, at)) throw invalid("a boundary without a line's end");
    const end = indexOf(bytes, mark, at);
    // The empty line that ends the headers may be the first.
    const headEnd = indexOf(bytes.subarray(at, at + MAX_HEAD), HEAD_END, 0);
    if (end < 0 || headEnd < 0 || at + headEnd > end) throw invalid("a field without its end");
    const { name, isFile } = parseHead(new TextDecoder().decode(bytes.subarray(at, at + headEnd)));
    if (!fields.has(name)) fields.set(name, { bytes: bytes.subarray(Math.min(end, at + headEnd + 4), end), isFile });
    at = end + mark.length;
  }
  return fields;
}

/** Where a mark is first, whose first byte it has only once, so that no place is looked at twice; -1 where it is not. */
function indexOf(bytes: Uint8Array, mark: Uint8Array, from: number): number {
  const [first, last] = [mark[0], bytes.length - mark.length];
  for (let at = from; at <= last; at++) if (bytes[at] === first && isAt(bytes, mark, at)) return at;
  return -1;
}

function isAt(bytes: Uint8Array, mark: Uint8Array, at: number): boolean {
  for (let i = 0; i < mark.length; i++) if (bytes[at + i] !== mark[i]) return false;
  return true;
}

function parseHead(head: string): { readonly name: string; readonly isFile: boolean } {
  const line = head.split("\r\n").find((one) => /^content-disposition:/i.test(one)) ?? "";
  const name = /;\s{0,8}name="([^"]{0,200})"/i.exec(line)?.[1];
  if (name === undefined) throw invalid("a field without a name");
  return { name, isFile: /;\s{0,8}filename\*?=/i.test(line) };
}

function invalid(got: string): ServerError {
  return new ServerError("invalid-form", `expected a body of multipart/form-data, got ${got}`);
}
