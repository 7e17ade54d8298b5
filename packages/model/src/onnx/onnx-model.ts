/**
 * An ONNX model that somebody else wrote: decoded as far as it takes to cut it, the rest as the bytes that it came in, so that what is not
 * understood here is neither lost nor changed. Field names and numbers are those of `onnx/onnx.proto`.
 */
import type { ExternalData } from "./write/ir.js";

/** One operator applied. */
export interface OnnxNode {
  readonly opType: string;
  /** Names of the values that it takes; empty for an optional one that is not given. */
  readonly inputs: readonly string[];
  /** Names of the values that it gives. */
  readonly outputs: readonly string[];
  /** Attribute name -> `AttributeProto`. */
  readonly attributes: ReadonlyMap<string, Uint8Array>;
  /** `NodeProto`. */
  readonly bytes: Uint8Array;
}

/** A constant of the graph. */
export interface OnnxTensor {
  readonly name: string;
  /** `TensorProto.DataType`. */
  readonly dataType: number;
  readonly dims: readonly number[];
  /** `TensorProto` with its values, or where the values lie. */
  readonly data: Uint8Array | ExternalData;
}

/** An input or output of the graph. */
export interface OnnxValue {
  readonly name: string;
  /** `TensorProto.DataType`; 0 where it is not a tensor or not said. */
  readonly dataType: number;
  /** `ValueInfoProto`. */
  readonly bytes: Uint8Array;
}

/** A model of one graph. */
export interface OnnxModel {
  readonly irVersion: number;
  /** `OperatorSetIdProto` each. */
  readonly opsets: readonly Uint8Array[];
  /** In an order in which they can run. */
  readonly nodes: readonly OnnxNode[];
  readonly initializers: ReadonlyMap<string, OnnxTensor>;
  readonly inputs: readonly OnnxValue[];
  readonly outputs: readonly OnnxValue[];
}
