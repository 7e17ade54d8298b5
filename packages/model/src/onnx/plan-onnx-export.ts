/**
 * A tower's graph as an ONNX file of its own, for other runtimes and servers: the weights, which a graph here only refers to, are put into
 * the file, or into one data file beside it, since protobuf ends at 2 GB.
 */
import { malformed } from "../checkpoint-error.js";
import { ValueGraph } from "./read/cut-graph.js";
import { writeNode } from "./write/encode-model.js";
import type { OnnxModel } from "./onnx-model.js";
import { fieldsIn } from "./read/protobuf-reader.js";
import { readOnnx } from "./read/read-onnx.js";
import type { EncodedGraph } from "./write/encoded-graph.js";
import { ProtobufWriter } from "./write/protobuf-writer.js";
import { byteLengthOf, encodeOnnx, type Piece } from "./write/rewrite-onnx.js";

/** Protobuf's messages are shorter than 2 GiB. */
const MAX_PROTOBUF_BYTES = 2 ** 31 - 1;
/** Tensors in a data file begin at pages, so that they can be mapped. */
const PAGE_BYTES = 4096;

/** How an export is to be. */
export interface OnnxExportOptions {
  /** Whether the features are divided by their L2 norm. */
  readonly normalize: boolean;
  /** Whether the weights go into a data file: `auto` where the model would reach protobuf's 2 GB. */
  readonly externalData: boolean | "auto";
  /** Name of the data file. */
  readonly dataFile: string;
  /** `metadata_props`. */
  readonly metadata: Readonly<Record<string, string>>;
}

/** The bytes of an export, in order; ranges are of the files that the graph's weights lie in, by their names. */
export interface OnnxExport {
  /** The `.onnx` file. */
  readonly model: readonly Piece[];
  /** The data file; empty where the weights are in the model. */
  readonly data: readonly Piece[];
}

/**
 * Plans one tower's files. No weight is read: the ranges are the caller's to copy.
 *
 * @param graph - with one output, the features.
 * @throws RangeError - `externalData: false` for a model of 2 GiB or more.
 */
export async function planOnnxExport(
  graph: EncodedGraph,
  { normalize, externalData, dataFile, metadata }: OnnxExportOptions,
): Promise<OnnxExport> {
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
