/**
 * Encoded images without their EXIF orientation: browsers rotate an image by it, whatever `imageOrientation` says (Chromium 156), and neither
 * Pillow's `open` nor the models' training did. Only the container is parsed; a malformed file is left to the decoder.
 */

/** The file with its EXIF data disabled: a copy, or the given bytes where there is none. */
export function withoutOrientation(bytes: Uint8Array<ArrayBuffer>): Uint8Array<ArrayBuffer> {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  if (bytes.length < 12) return bytes;
  const start = view.getUint32(0);
  if (start >>> 16 === 0xffd8) return blankJpegExif(bytes, view);
  if (start === 0x89504e47) return cutPngExif(bytes, view);
  if (start === 0x52494646 && view.getUint32(8) === 0x57454250) return blankWebpExif(bytes, view);
  return bytes;
}

/** Overwrites the first byte of the signature of every APP1 segment that begins with "Exif". */
function blankJpegExif(bytes: Uint8Array<ArrayBuffer>, view: DataView): Uint8Array<ArrayBuffer> {
  let result = bytes;
  let at = 2;
  // Up to the scan; every segment before it has a length.
  while (at + 8 <= bytes.length && bytes[at] === 0xff && bytes[at + 1] !== 0xda) {
    const marker = bytes[at + 1];
    if (marker === 0xff) {
      at++;
      continue;
    }
    if (marker === 0xe1 && view.getUint32(at + 4) === 0x45786966) {
      if (result === bytes) result = bytes.slice();
      result[at + 4] = 0;
    }
    at += 2 + view.getUint16(at + 2);
  }
  return result;
}

/** Leaves out the chunk eXIf. */
function cutPngExif(bytes: Uint8Array<ArrayBuffer>, view: DataView): Uint8Array<ArrayBuffer> {
  for (let at = 8; at + 12 <= bytes.length;) {
    const end = at + 12 + view.getUint32(at);
    if (view.getUint32(at + 4) === 0x65584966 && end <= bytes.length) {
      const result = new Uint8Array(bytes.length - (end - at));
      result.set(bytes.subarray(0, at));
      result.set(bytes.subarray(end), at);
      return result;
    }
    at = end;
  }
  return bytes;
}

/** Renames the chunk EXIF to an unknown name. */
function blankWebpExif(bytes: Uint8Array<ArrayBuffer>, view: DataView): Uint8Array<ArrayBuffer> {
  for (let at = 12; at + 8 <= bytes.length;) {
    if (view.getUint32(at) === 0x45584946) {
      const result = bytes.slice();
      result.fill(0x58, at, at + 4);
      return result;
    }
    const length = view.getUint32(at + 4, true);
    at += 8 + length + (length % 2);
  }
  return bytes;
}
