/**
 * The head of a NumPy `.npy` file of float32 rows, format 1.0. It takes 128 bytes whatever the number of rows, so that it can be written first
 * and set right at the end.
 */

/** Bytes of the head that is written. */
export const NPY_HEAD = 128;

/** The head of `[rows, dim]` float32, little-endian, row by row. */
export function formatNpyHead(rows: number, dim: number): Uint8Array {
  const text = `{'descr': '<f4', 'fortran_order': False, 'shape': (${rows}, ${dim}), }`;
  const length = NPY_HEAD - 10;
  const head = Buffer.alloc(NPY_HEAD, " ", "latin1");
  head.set([0x93, ...Buffer.from("NUMPY"), 1, 0, length & 0xff, length >> 8]);
  head.write(text, 10, "latin1");
  head.write("\n", NPY_HEAD - 1, "latin1");
  return head;
}

/** What a head says. */
export interface NpyHead {
  readonly rows: number;
  readonly dim: number;
  /** Where the values begin. */
  readonly offset: number;
}

/**
 * Reads a head from the first bytes of a file.
 *
 * @returns `undefined` for anything but two-dimensional little-endian float32, row by row.
 */
export function parseNpyHead(bytes: Uint8Array): NpyHead | undefined {
  const view = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  if (view.length < 12 || view.toString("latin1", 0, 6) !== "\u0093NUMPY") return undefined;
  const wide = (view[6] ?? 0) > 1;
  const start = wide ? 12 : 10;
  const offset = start + (wide ? view.readUInt32LE(8) : view.readUInt16LE(8));
  if (offset > view.length) return undefined;
  const text = view.toString("latin1", start, offset);
  const shape = /'shape': \((\d+), (\d+)\)/.exec(text);
  if (shape === null || !text.includes("'descr': '<f4'") || !text.includes("'fortran_order': False")) return undefined;
  return { rows: Number(shape[1]), dim: Number(shape[2]), offset };
}
