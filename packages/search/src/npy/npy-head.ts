/**
 * The header of a NumPy `.npy` file of float32 rows, format 1.0. It takes 128 bytes whatever the number of rows, so that it can be written first
 * and corrected at the end.
 */

/** Bytes of the header that {@link formatNpyHead} writes. */
export const NPY_HEAD = 128;

/** The header of `[rows, dim]` float32, little-endian, row-major. */
export function formatNpyHead(rows: number, dim: number): Uint8Array<ArrayBuffer> {
  const text = `{'descr': '<f4', 'fortran_order': False, 'shape': (${rows}, ${dim}), }`;
  const length = NPY_HEAD - 10;
  const head = new Uint8Array(NPY_HEAD).fill(0x20);
  head.set([0x93, ...latin1("NUMPY"), 1, 0, length & 0xff, length >> 8]);
  head.set(latin1(text), 10);
  head[NPY_HEAD - 1] = 0x0a;
  return head;
}

/** What a header states. */
export interface NpyHead {
  /** The first dimension; 0 in a file that is being written. */
  readonly rows: number;
  /** The second dimension. */
  readonly dim: number;
  /** Where the values start, in bytes. */
  readonly offset: number;
}

/**
 * Reads a header from the first bytes of a file.
 *
 * @returns `undefined` for anything but two-dimensional little-endian float32, row-major, or a header that is longer than `bytes`.
 */
export function parseNpyHead(bytes: Uint8Array): NpyHead | undefined {
  if (bytes.length < 12 || [0x93, ...latin1("NUMPY")].some((byte, i) => byte !== bytes[i])) return undefined;
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const isWide = view.getUint8(6) > 1;
  const start = isWide ? 12 : 10;
  const offset = start + (isWide ? view.getUint32(8, true) : view.getUint16(8, true));
  if (offset > bytes.length) return undefined;
  const text = Array.from(bytes.subarray(start, offset), (byte) => String.fromCharCode(byte)).join("");
  const shape = /'shape': \((\d+), (\d+)\)/.exec(text);
  if (shape === null || !text.includes("'descr': '<f4'") || !text.includes("'fortran_order': False")) return undefined;
  return { rows: Number(shape[1]), dim: Number(shape[2]), offset };
}

function latin1(text: string): number[] {
  return Array.from(text, (character) => character.charCodeAt(0));
}
