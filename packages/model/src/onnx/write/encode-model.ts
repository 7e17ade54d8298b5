/**
 * Encodes a model as `onnx.ModelProto`. Field numbers are those of `onnx/onnx.proto`; each message is one function.
 */
import type { Attribute, Dimension, ElementType, ExternalData, Initializer, Model, Node, OpsetVersion, ValueInfo } from "./ir.js";
import { ProtobufWriter } from "./protobuf-writer.js";

/** ONNX's file version for each version of the standard operators: 9 is what every current runtime reads, 10 came with 21. */
const IR_VERSION: Readonly<Record<OpsetVersion, number>> = { 18: 9, 21: 10 };

/** `TensorProto.DataType`: the numbers of the element types. */
export const DATA_TYPE: Readonly<Record<ElementType, number>> = {
  float32: 1,
  uint8: 2,
  int8: 3,
  int32: 6,
  int64: 7,
  bool: 9,
  float16: 10,
  float64: 11,
  bfloat16: 16,
};
/** `AttributeProto.AttributeType`. */
const ATTRIBUTE_TYPE: Readonly<Record<Attribute["kind"], number>> = { float: 1, int: 2, string: 3, ints: 7 };
/** `TensorProto.DataLocation.EXTERNAL`. */
const EXTERNAL = 1;

/** The bytes of a model, ready for an inference session. */
export function encodeModel(model: Model): Uint8Array {
  const writer = new ProtobufWriter();
  const { opset = 18 } = model;
  writer.int(1, IR_VERSION[opset]);
  writer.string(2, "chinese-clip");
  writer.message(7, (graph) => writeGraph(graph, model));
  for (const [domain, version] of [
    ["", opset],
    ["com.microsoft", 1],
  ] as const) {
    writer.message(8, (message) => {
      message.string(1, domain);
      message.int(2, version);
    });
  }
  // A copy of the exact length: a view would drag its larger buffer along when it is posted to a worker.
  return writer.finish().slice();
}

function writeGraph(writer: ProtobufWriter, { name, nodes, initializers, inputs, outputs, values = [] }: Model): void {
  for (const node of nodes) writer.message(1, (message) => writeNode(message, node));
  writer.string(2, name);
  for (const initializer of initializers) writer.message(5, (message) => writeInitializer(message, initializer));
  for (const input of inputs) writer.message(11, (message) => writeValueInfo(message, input));
  for (const output of outputs) writer.message(12, (message) => writeValueInfo(message, output));
  for (const value of values) writer.message(13, (message) => writeValueInfo(message, value));
}

/** The fields of a `NodeProto`. */
export function writeNode(writer: ProtobufWriter, { opType, domain, inputs, outputs, attributes }: Node): void {
  for (const input of inputs) writer.string(1, input);
  for (const output of outputs) writer.string(2, output);
  writer.string(3, outputs[0] ?? "");
  writer.string(4, opType);
  for (const [name, attribute] of Object.entries(attributes)) writer.message(5, (message) => writeAttribute(message, name, attribute));
  if (domain !== "") writer.string(7, domain);
}

function writeAttribute(writer: ProtobufWriter, name: string, attribute: Attribute): void {
  writer.string(1, name);
  switch (attribute.kind) {
    case "float":
      writer.float(2, attribute.value);
      break;
    case "int":
      writer.int(3, attribute.value);
      break;
    case "string":
      writer.string(4, attribute.value);
      break;
    case "ints":
      for (const value of attribute.value) writer.int(8, value);
      break;
  }
  writer.int(20, ATTRIBUTE_TYPE[attribute.kind]);
}

function writeInitializer(writer: ProtobufWriter, { name, type, dims, data }: Initializer): void {
  for (const dim of dims) writer.int(1, dim);
  writer.int(2, DATA_TYPE[type]);
  writer.string(8, name);
  if (data instanceof Uint8Array) writer.bytes(9, data);
  else writeExternalData(writer, data);
}

/** The fields of a `TensorProto` whose values lie in a file. */
export function writeExternalData(writer: ProtobufWriter, { location, offset, length }: ExternalData): void {
  for (const [key, value] of Object.entries({ location, offset: String(offset), length: String(length) })) {
    writer.message(13, (entry) => {
      entry.string(1, key);
      entry.string(2, value);
    });
  }
  writer.int(14, EXTERNAL);
}

/** The fields of a `ValueInfoProto`. */
export function writeValueInfo(writer: ProtobufWriter, { name, type, dims }: ValueInfo): void {
  writer.string(1, name);
  writer.message(2, (typeProto) =>
    typeProto.message(1, (tensor) => {
      tensor.int(1, DATA_TYPE[type]);
      tensor.message(2, (shape) => {
        for (const dim of dims) shape.message(1, (message) => writeDimension(message, dim));
      });
    }),
  );
}

function writeDimension(writer: ProtobufWriter, dim: Dimension): void {
  if (typeof dim === "number") writer.int(1, dim);
  else writer.string(2, dim);
}
