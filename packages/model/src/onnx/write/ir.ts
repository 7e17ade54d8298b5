/**
 * A small typed form of an ONNX model: what this project's graphs need of `onnx/onnx.proto`, under the names used there.
 */

/** Element types of tensors, by ONNX Runtime's names. */
export type ElementType = "float32" | "float16" | "bfloat16" | "float64" | "int64" | "int32" | "int8" | "uint8" | "bool";

/** An extent of an axis: a number, or a name for one that is known when the graph runs. */
export type Dimension = number | string;

/** A value's type and shape. */
export interface ValueInfo {
  /** Unique among the graph's values. */
  readonly name: string;
  /** Element type. */
  readonly type: ElementType;
  /** Extent of each axis; empty for a scalar. */
  readonly dims: readonly Dimension[];
}

/** A constant: its bytes, little-endian and row-major, are here, or lie in a file beside the model. */
export interface Initializer {
  /** Unique among the graph's values. */
  readonly name: string;
  /** Element type. */
  readonly type: ElementType;
  /** Its shape. */
  readonly dims: readonly number[];
  /** Its bytes, or where they lie. */
  readonly data: Uint8Array | ExternalData;
}

/** Where an initializer's bytes lie. */
export interface ExternalData {
  /** The file, relative to the folder that the session is given. */
  readonly location: string;
  /** Offset of the first byte. */
  readonly offset: number;
  /** Number of bytes. */
  readonly length: number;
}

/** An operator's attribute. JavaScript has one kind of number, so the kind is spelt out. */
export type Attribute =
  | { readonly kind: "int"; readonly value: number }
  | { readonly kind: "float"; readonly value: number }
  | { readonly kind: "string"; readonly value: string }
  | { readonly kind: "ints"; readonly value: readonly number[] };

/**
 * 18 brought `Resize` with `axes`, and is old enough for every runtime in use; 21 brought `QuantizeLinear` in blocks, which only graphs of quantised
 * weights have.
 */
export type OpsetVersion = 18 | 21;

/** One operator applied. An empty input name stands for an optional input that is not given. */
export interface Node {
  /** The operator's name. */
  readonly opType: string;
  /** `""` for the ONNX standard, `com.microsoft` for ONNX Runtime's own operators. */
  readonly domain: string;
  /** Names of the values that it takes. */
  readonly inputs: readonly string[];
  /** Names of the values that it gives. */
  readonly outputs: readonly string[];
  /** What it is told besides. */
  readonly attributes: Readonly<Record<string, Attribute>>;
}

/** A model of one graph; nodes in an order in which they can run. */
export interface Model {
  /** Version of the standard operators; default 18. */
  readonly opset?: OpsetVersion;
  /** The graph's name. */
  readonly name: string;
  /** What each run is given. */
  readonly inputs: readonly ValueInfo[];
  /** What each run gives. */
  readonly outputs: readonly ValueInfo[];
  /** Constants. */
  readonly initializers: readonly Initializer[];
  /** In an order in which they can run. */
  readonly nodes: readonly Node[];
  /** Shapes of values in between, where they say more than can be inferred. */
  readonly values?: readonly ValueInfo[];
}
