/**
 * A graph and just the weights that it needs, for a runtime that cannot map a file: a browser is given bytes. The graph's references into
 * the checkpoint become references into buffers that hold nothing else.
 */
import type { EncodedGraph } from "./encoded-graph.js";
import type { ExternalData } from "./ir.js";

/** A graph whose weights lie in buffers. */
export interface PackedGraph {
  /** The model as ONNX protobuf; the `location` of a weight is a buffer's name. */
  readonly model: Uint8Array;
  /** The contents of each buffer. */
  readonly buffers: readonly PackedBuffer[];
}

/** A buffer to be filled: ranges of the checkpoint's files, one after the other. */
export interface PackedBuffer {
  /** The buffer's name. */
  readonly name: string;
  /** Bytes. */
  readonly byteLength: number;
  /** Where each range goes in the buffer, and where it comes from. */
  readonly ranges: readonly PackedRange[];
}

/** A range of a checkpoint's file, and its place in a buffer. */
export interface PackedRange extends ExternalData {
  /** Offset of its first byte in the buffer. */
  readonly at: number;
}

/** Far larger than any tensor of the published models, and smaller than what every browser gives one buffer. */
const BUFFER_BYTES = 1 << 29;

/** Plans the buffers of a graph; nothing is read. A range that two weights share is there once. */
export function packWeights(graph: EncodedGraph): PackedGraph {
  const buffers: { name: string; byteLength: number; ranges: PackedRange[] }[] = [];
  const placed = new Map<string, ExternalData>();
  const model = graph.withExternalData((data) => {
    const key = `${data.offset} ${data.length} ${data.location}`;
    const known = placed.get(key);
    if (known !== undefined) return known;
    let buffer = buffers.at(-1);
    if (buffer === undefined || (buffer.byteLength > 0 && buffer.byteLength + data.length > BUFFER_BYTES)) {
      buffer = { name: `weights.${buffers.length}`, byteLength: 0, ranges: [] };
      buffers.push(buffer);
    }
    buffer.ranges.push({ ...data, at: buffer.byteLength });
    const place = { location: buffer.name, offset: buffer.byteLength, length: data.length };
    placed.set(key, place);
    buffer.byteLength += data.length;
    return place;
  });
  return { model, buffers };
}
