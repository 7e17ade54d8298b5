/**
 * Base64 as RFC 4648 has it, both ways, on platforms that have no fast one of their own.
 */

const ALPHABET = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
const [INVALID, SPACE, PAD] = [255, 254, 253] as const;

/** By byte; those of other characters in UTF-8 are 128 and more. */
const VALUES: Uint8Array = new Uint8Array(256).fill(INVALID);
for (const [value, char] of [...ALPHABET].entries()) VALUES[char.charCodeAt(0)] = value;
VALUES["-".charCodeAt(0)] = 62;
VALUES["_".charCodeAt(0)] = 63;
VALUES["=".charCodeAt(0)] = PAD;
for (const space of " \t\r\n") VALUES[space.charCodeAt(0)] = SPACE;

/**
 * Decodes base64 of either alphabet, with or without padding; white space in it is skipped.
 *
 * @returns undefined for anything else.
 */
export function decodeBase64(text: string): Uint8Array<ArrayBuffer> | undefined {
  const codes = new TextEncoder().encode(text);
  const bytes = new Uint8Array(Math.floor((codes.length * 3) / 4));
  let [length, bits, count, pads, at] = [0, 0, 0, 0, 0];
  // Four at a time, up to the first that is none of the alphabet: an image of 24 MB is a third of a second one by one.
  for (const last = codes.length - 4; at <= last; at += 4) {
    const [a, b] = [VALUES[codes[at] as number] as number, VALUES[codes[at + 1] as number] as number];
    const [c, d] = [VALUES[codes[at + 2] as number] as number, VALUES[codes[at + 3] as number] as number];
    if ((a | b | c | d) > 63) break;
    bytes[length++] = (a << 2) | (b >> 4);
    bytes[length++] = (b << 4) | (c >> 2);
    bytes[length++] = (c << 6) | d;
  }
  for (; at < codes.length; at++) {
    const value = VALUES[codes[at] as number] as number;
    if (value === SPACE) continue;
    if (value === PAD) {
      pads++;
      continue;
    }
    if (value === INVALID || pads > 0) return undefined;
    bits = (bits << 6) | value;
    if (++count % 4 === 0) {
      bytes[length++] = (bits >> 16) & 255;
      bytes[length++] = (bits >> 8) & 255;
      bytes[length++] = bits & 255;
      bits = 0;
    }
  }
  const rest = count % 4;
  if (rest === 1 || (pads > 0 && (count + pads) % 4 !== 0) || pads > 2) return undefined;
  if (rest >= 2) bytes[length++] = rest === 2 ? (bits >> 4) & 255 : (bits >> 10) & 255;
  if (rest === 3) bytes[length++] = (bits >> 2) & 255;
  return bytes.subarray(0, length);
}

/** Encodes bytes, with padding. */
export function encodeBase64(bytes: Uint8Array): string {
  let text = "";
  for (let at = 0; at < bytes.length; at += 3) {
    const bits = ((bytes[at] as number) << 16) | ((bytes[at + 1] ?? 0) << 8) | (bytes[at + 2] ?? 0);
    const [a, b, c, d] = [bits >> 18, (bits >> 12) & 63, (bits >> 6) & 63, bits & 63] as const;
    text += ALPHABET.charAt(a) + ALPHABET.charAt(b);
    text += (at + 1 < bytes.length ? ALPHABET.charAt(c) : "=") + (at + 2 < bytes.length ? ALPHABET.charAt(d) : "=");
  }
  return text;
}
