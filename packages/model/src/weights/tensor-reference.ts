/** Dtypes of stored weights, by safetensors' names. */
export type WeightDtype =
  | "BOOL"
  | "U8"
  | "I8"
  | "U16"
  | "I16"
  | "F16"
  | "BF16"
  | "U32"
  | "I32"
  | "F32"
  | "U64"
  | "I64"
  | "F64"
  | "F8_E4M3"
  | "F8_E5M2";

/** Where a stored tensor's bytes lie. The bytes themselves stay in the file. */
export interface TensorReference {
  /** Dtype of the elements, little-endian. */
  readonly dtype: WeightDtype;
  /** Extent of each axis, outermost first; row-major. */
  readonly shape: readonly number[];
  /** Name of the file that holds the bytes. */
  readonly file: string;
  /** Offset of the first byte from the start of the file. */
  readonly byteOffset: number;
  /** Number of bytes. */
  readonly byteLength: number;
  /** The bytes themselves, where they are not in a row in the file: a copy, in memory. */
  readonly bytes?: Uint8Array;
}

/** A tensor as a graph takes it. */
export interface StoredTensor extends TensorReference {
  /** Whether the matrix is stored the other way round, `[columns, rows]` of what its name stands for; `shape` is as it is stored. */
  readonly transposed: boolean;
}

/** More axes than any tensor of this or another published model has. */
export const MAX_RANK = 16;

/** Every dtype by its name, and the bytes of one element. */
export const BYTES_PER_ELEMENT: ReadonlyMap<string, { readonly dtype: WeightDtype; readonly bytes: number }> = new Map(
  (
    [
      ["BOOL", 1],
      ["U8", 1],
      ["I8", 1],
      ["F8_E4M3", 1],
      ["F8_E5M2", 1],
      ["U16", 2],
      ["I16", 2],
      ["F16", 2],
      ["BF16", 2],
      ["U32", 4],
      ["I32", 4],
      ["F32", 4],
      ["U64", 8],
      ["I64", 8],
      ["F64", 8],
    ] as const
  ).map(([dtype, bytes]) => [dtype, { dtype, bytes }]),
);
