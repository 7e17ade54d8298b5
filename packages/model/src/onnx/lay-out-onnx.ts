/**
 * A tower's graph as an ONNX file of its own, for other runtimes and servers: the weights, which a graph here only refers to, are put into
 * the file, or into one data file beside it, since protobuf ends at 2 GB.
 */
import { malformed } from "../checkpoint-error.js";
import { ValueGraph } from "./cut-graph.js";
import { writeNode } from "./encode-model.js";
import { byteLengthOf, encodeOnnx, type Piece } from "./encode-onnx.js";
import type { OnnxExport, OnnxExportOptions } from "./export-onnx.js";
import type { EncodedGraph } from "./graph-builder.js";
import type { OnnxModel } from "./onnx-model.js";
import { fieldsIn } from "./protobuf-reader.js";
import { ProtobufWriter } from "./protobuf-writer.js";
import { readOnnx } from "./read-onnx.js";

/** Protobuf's messages are shorter than 2 GiB. */
const MAX_PROTOBUF_BYTES = 2 ** 31 - 1;
/** Tensors in a data file begin at pages, so that they can be mapped. */
const PAGE_BYTES = 4096;

/** Lays out one tower; see `export-onnx.ts`. */
export async function layOut(graph: EncodedGraph, { normalize, externalData, dataFile, metadata }: OnnxExportOptions): Promise<OnnxExport> {
  const [features = ""] = graph.outputs;
  const file = {
    name: features,
    byteLength: graph.model.length,
    read: async (start: number, end: number) => graph.model.slice(start, end),
  };
  const read = await readOnnx(file);
  const model = normalize ? normalized(file, read, features) : read;
  const header = { name: features, metadata };
  if (externalData !== true) {
    const inline = encodeOnnx(model, header, () => "inline");
    if (byteLengthOf(inline) <= MAX_PROTOBUF_BYTES) return { model: inline, data: [] };
    if (externalData === false)
      throw new RangeError(
        `exportOnnx: expected externalData for a model of ${byteLengthOf(inline)} bytes, got false; protobuf ends at 2 GiB`,
      );
  }
  const data: Piece[] = [];
  let end = 0;
  const pieces = encodeOnnx(model, header, (_, source) => {
    const offset = Math.ceil(end / PAGE_BYTES) * PAGE_BYTES;
    if (offset > end) data.push(new Uint8Array(offset - end));
    data.push(source);
    end = offset + source.length;
    return { location: dataFile, offset, length: source.length };
  });
  return { model: pieces, data };
}

/** The model with its output `features` divided by the L2 norm. */
function normalized(file: { readonly name: string }, model: OnnxModel, features: string): OnnxModel {
  const producer = new ValueGraph(file, model).producer(features);
  if (producer === undefined) malformed(file, `expected an operator that gives ${features}, got none`);
  const before = `${features}_before_normalization`;
  // The operator that names the output is one that has no other.
  const bytes = withOutput(file, producer.bytes, before);
  const writer = new ProtobufWriter();
  // One operator, the same since the first version of the standard's: an export that was cut brings its own version.
  const attributes = { axis: { kind: "int", value: -1 }, p: { kind: "int", value: 2 } } as const;
  writeNode(writer, { opType: "LpNormalization", domain: "", inputs: [before], outputs: [features], attributes });
  const nodes = model.nodes.map((node) => (node === producer ? { ...node, outputs: [before], bytes } : node));
  const last = { opType: "LpNormalization", inputs: [before], outputs: [features], attributes: new Map(), bytes: writer.finish() };
  return { ...model, nodes: [...nodes, last] };
}

/** A `NodeProto` with another name for its one output, by which the operator is called too. */
function withOutput(file: { readonly name: string }, node: Uint8Array, output: string): Uint8Array {
  const writer = new ProtobufWriter();
  let at = 0;
  for (const { number, end } of fieldsIn(file, node)) {
    if (number === 2 || number === 3) writer.string(number, output);
    else writer.raw(node.subarray(at, end));
    at = end;
  }
  return writer.finish();
}
