/** Number formats of stored weights, by safetensors' names. */
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
  /** Number format of the elements, little-endian. */
  readonly dtype: WeightDtype;
  /** Extent of each axis, outermost first; row-major. */
  readonly shape: readonly number[];
  /** Name of the file that holds the bytes. */
  readonly file: string;
  /** Offset of the first byte from the start of the file. */
  readonly byteOffset: number;
  /** Number of bytes. */
  readonly byteLength: number;
}
