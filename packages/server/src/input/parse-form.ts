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
  // One character for each byte, so places in the text are places in the bytes.
  const text = new TextDecoder("latin1").decode(bytes);
  const fields = new Map<string, FormField>();
  const mark = `\r\n--${boundary}`;
  let at = text.startsWith(mark.slice(2)) ? mark.length - 2 : text.indexOf(mark) + mark.length;
  if (at < mark.length - 2) throw invalid("no boundary");
  for (let count = 0; text.slice(at, at + 2) !== "--"; count++) {
    if (count >= MAX_FIELDS) throw invalid(`more than ${MAX_FIELDS} fields`);
    if (text.slice(at, at + 2) !== "\r\n") throw invalid("a boundary without a line's end");
    const end = text.indexOf(mark, at);
    // The empty line that ends the headers may be the first.
    const headEnd = text.slice(at, at + MAX_HEAD).indexOf("\r\n\r\n");
    if (end < 0 || headEnd < 0 || at + headEnd > end) throw invalid("a field without its end");
    const { name, isFile } = parseHead(new TextDecoder().decode(bytes.subarray(at, at + headEnd)));
    if (!fields.has(name)) fields.set(name, { bytes: bytes.subarray(Math.min(end, at + headEnd + 4), end), isFile });
    at = end + mark.length;
  }
  return fields;
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
