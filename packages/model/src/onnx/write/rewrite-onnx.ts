/**
 * Writes a model that was read back, changed: the parts that came as bytes go as bytes. Weights are not held in memory, so the result is a
 * list of pieces, some of which are ranges of files.
 */
import { writeExternalData } from "./encode-model.js";
import type { ExternalData } from "./ir.js";
import type { OnnxModel, OnnxTensor } from "../onnx-model.js";
import { ProtobufWriter } from "./protobuf-writer.js";

/** Bytes, or where they lie. */
export type Piece = Uint8Array | ExternalData;

/** What is said about a model besides its graph. */
export interface OnnxHeader {
  /** The graph's name. */
  readonly name: string;
  /** `metadata_props`. */
  readonly metadata?: Readonly<Record<string, string>>;
}

/**
 * A model as `ModelProto`.
 *
 * @param place - where a weight is to lie: `inline`, which makes its range a piece of the model, or in a file.
 */
export function encodeOnnx(
  { irVersion, opsets, nodes, initializers, inputs, outputs }: OnnxModel,
  { name, metadata = {} }: OnnxHeader,
  place: (tensor: OnnxTensor, data: ExternalData) => "inline" | ExternalData,
): Piece[] {
  const pieces: Piece[] = [];
  let writer = new ProtobufWriter();
  /** What was written since the last range, as a piece. */
  const flush = (): void => {
    pieces.push(writer.finish().slice());
    writer = new ProtobufWriter();
  };
  for (const { bytes } of nodes) writer.bytes(1, bytes);
  writer.string(2, name);
  for (const tensor of initializers.values()) {
    if (tensor.data instanceof Uint8Array) {
      writer.bytes(5, tensor.data);
      continue;
    }
    const where = place(tensor, tensor.data);
    const message = new ProtobufWriter();
    writeTensorHeader(message, tensor);
    if (where === "inline") message.open(9, tensor.data.length);
    else writeExternalData(message, where);
    const header = message.finish();
    writer.open(5, header.length + (where === "inline" ? tensor.data.length : 0));
    writer.raw(header);
    if (where !== "inline") continue;
    flush();
    pieces.push(tensor.data);
  }
  for (const { bytes } of inputs) writer.bytes(11, bytes);
  for (const { bytes } of outputs) writer.bytes(12, bytes);
  flush();

  const head = new ProtobufWriter();
  head.int(1, irVersion);
  head.string(2, "chinese-clip");
  for (const opset of opsets) head.bytes(8, opset);
  for (const [key, value] of Object.entries(metadata)) {
    head.message(14, (entry) => {
      entry.string(1, key);
      entry.string(2, value);
    });
  }
  head.open(7, byteLengthOf(pieces));
  return [head.finish(), ...pieces];
}

/** Bytes of all pieces. */
export function byteLengthOf(pieces: readonly Piece[]): number {
  return pieces.reduce((sum, piece) => sum + piece.length, 0);
}

/** The pieces as one; only of a model whose weights are all in other files. */
export function joinPieces(pieces: readonly Piece[]): Uint8Array {
  const joined = new Uint8Array(byteLengthOf(pieces));
  let at = 0;
  for (const piece of pieces) {
    if (!(piece instanceof Uint8Array)) throw new TypeError(`joinPieces: expected bytes only, got a range of ${piece.location}`);
    joined.set(piece, at);
    at += piece.length;
  }
  return joined;
}

function writeTensorHeader(writer: ProtobufWriter, { dims, dataType, name }: OnnxTensor): void {
  for (const dim of dims) writer.int(1, dim);
  writer.int(2, dataType);
  writer.string(8, name);
}
