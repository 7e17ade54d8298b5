/** Paths whose names are no UTF-8: an index has them with `\xNN` for such a byte. */

/** The bytes that a path stands for; undefined where it has no `\xNN`. */
export function bytesOfLabel(label: string): Buffer | undefined {
  if (!/\\x[0-9a-f]{2}/.test(label)) return undefined;
  const parts = label.split(/(\\x[0-9a-f]{2})/);
  return Buffer.concat(parts.map((part) => (/^\\x[0-9a-f]{2}$/.test(part) ? Buffer.from(part.slice(2), "hex") : Buffer.from(part))));
}
