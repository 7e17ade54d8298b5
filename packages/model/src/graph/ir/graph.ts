/**
 * A graph before it is encoded: typed values, the operators that give them, and the parameters that they refer to. Operators are ONNX's, and three
 * of our own that {@link forTarget} replaces: `Linear`, `Attention` and `Embedding`. Nothing in it depends on a target or on how a weight is stored.
 */
import type { Dimension, Initializer, Node, ValueInfo } from "../../onnx/write/ir.js";
import type { StoredTensor } from "../../weights/tensor-reference.js";

/** A tensor of a graph. */
export interface Value extends ValueInfo {
  /** The elements of an int64 list that is a shape, where they are known. */
  readonly content?: readonly Dimension[];
}

/** A stored tensor and its name in the checkpoint. */
export interface NamedTensor extends StoredTensor {
  /** Its name in the checkpoint. */
  readonly name: string;
}

/** How a parameter is stored: in floating point, or quantised by `quantize/`. */
export type Storage =
  | { readonly kind: "float"; readonly tensor: StoredTensor }
  /** A linear layer's weight: int8 `[K, N]`, or uint8 around 128, and float32 scales `[N]`. */
  | { readonly kind: "int8"; readonly values: NamedTensor; readonly scales: NamedTensor; readonly inputScale: NamedTensor | undefined }
  /** A linear layer's weight in blocks along K: uint8 `[N, K / 16, 8]`, scales `[N · K / 16]`, uint8 zero points. */
  | {
      readonly kind: "int4";
      readonly values: NamedTensor;
      readonly scales: NamedTensor;
      readonly zeroPoints: NamedTensor;
      readonly inputScale: NamedTensor | undefined;
    }
  /** An embedding's table: uint8 `[rows, size]` around 128 and scales `[rows, size / blockSize]`. */
  | { readonly kind: "table"; readonly values: NamedTensor; readonly scales: NamedTensor; readonly blockSize: number };

/** One graph. */
export interface Graph {
  /** Which tower: `text` or `vision`. */
  readonly name: string;
  /** Names of the inputs. */
  readonly inputs: readonly string[];
  /** Names of the outputs. */
  readonly outputs: readonly string[];
  /** In an order in which they can run. */
  readonly nodes: readonly Node[];
  /** Type and shape of every value, by name. */
  readonly values: ReadonlyMap<string, Value>;
  /** The checkpoint's tensors that the graph takes, by name; their values are float32 whatever they are stored in. */
  readonly parameters: ReadonlyMap<string, Storage>;
  /** Constants; in a graph for a target also its stored tensors. */
  readonly initializers: ReadonlyMap<string, Initializer>;
  /** The checkpoint files that the parameters lie in. */
  readonly files: readonly string[];
}

/**
 * The device and dtype of a graph. For a `gpu` it has only operators that ONNX Runtime's WebGPU provider has too, so that no tensor leaves the device
 * between its nodes; with `gpu-half` everything between its inputs and its outputs is in half precision.
 */
export type GraphTarget = "cpu" | "gpu" | "gpu-half";
