/**
 * Reads an ONNX file (`onnx/onnx.proto`, ModelProto) without its weights: a tensor's bytes in the file become a reference into that very
 * file, a tensor in a file beside it keeps its reference, and only small constants, such as shapes, are read.
 */
import { CheckpointError, malformed, quote } from "../../checkpoint-error.js";
import type { CheckpointFile } from "../../weights/byte-source.js";
import type { ExternalData } from "../write/ir.js";
import type { OnnxModel, OnnxNode, OnnxTensor, OnnxValue } from "../onnx-model.js";
import { fieldsIn, type ProtobufField, ProtobufFile, readVarint } from "./protobuf-reader.js";

/** Values of at most this size stay in the graph: ONNX Runtime needs shapes and axes there to infer what follows from them. */
const MAX_INLINE_BYTES = 1024;
/** All that is held in memory of a graph; unfused exports of the published models have 1 MB. */
const MAX_GRAPH_BYTES = 1 << 27;

/** Bits of an element, by `TensorProto.DataType`. Strings (8) have no size. */
const BITS: ReadonlyMap<number, number> = new Map([
  [1, 32],
  [2, 8],
  [3, 8],
  [4, 16],
  [5, 16],
  [6, 32],
  [7, 64],
  [9, 8],
  [10, 16],
  [11, 64],
  [12, 32],
  [13, 64],
  [14, 64],
  [15, 128],
  [16, 16],
  [17, 8],
  [18, 8],
  [19, 8],
  [20, 8],
  [21, 4],
  [22, 4],
  [23, 4],
] as const); // prettier-ignore
/** `AttributeProto`'s fields `g` and `graphs`. */
const GRAPH_FIELDS: readonly number[] = [6, 11];
/** More axes than any tensor of this or another published model has. */
const MAX_RANK = 16;
/** Names of exports are paths of modules, below 200 bytes. */
const MAX_NAME_BYTES = 1 << 14;

/**
 * Reads a model's graph.
 *
 * @throws {@link CheckpointError} `malformed`: not an ONNX file, cut short, a length that does not fit; `unsupported-graph`: what no export of
 * this model has, such as functions, branches and loops.
 */
export async function readOnnx(file: CheckpointFile): Promise<OnnxModel> {
  const source = new ProtobufFile(file);
  const opsets: Uint8Array[] = [];
  let irVersion = 0;
  let graph: ProtobufField | undefined;
  for await (const field of source.fields(0, file.byteLength)) {
    if (field.number === 1) irVersion = field.value;
    else if (field.number === 7 && field.wireType === 2) {
      if (graph !== undefined) malformed(file, "expected one graph, got two");
      graph = field;
    } else if (field.number === 8) opsets.push(await small(file, source, field, 1 << 10));
    else if (field.number === 25) unsupported(file, "model-local functions");
    if (opsets.length > 64) malformed(file, "expected at most 64 operator sets");
  }
  if (graph === undefined || opsets.length === 0) malformed(file, "expected a graph and its operator sets; this is not an ONNX model");
  return { irVersion, opsets, ...(await readGraph(file, source, graph)) };
}

async function readGraph(
  file: CheckpointFile,
  source: ProtobufFile,
  { start, end }: ProtobufField,
): Promise<Pick<OnnxModel, "nodes" | "initializers" | "inputs" | "outputs">> {
  const nodes: OnnxNode[] = [];
  const initializers = new Map<string, OnnxTensor>();
  const inputs: OnnxValue[] = [];
  const outputs: OnnxValue[] = [];
  let left = MAX_GRAPH_BYTES;
  for await (const field of source.fields(start, end)) {
    if (![1, 5, 11, 12, 15].includes(field.number)) continue;
    if (field.wireType !== 2) malformed(file, `expected a message in field ${field.number} of the graph`);
    if (field.number === 15) unsupported(file, "sparse initializers");
    if (field.number === 5) {
      const tensor = await readTensor(file, source, field, left);
      if (initializers.has(tensor.name)) malformed(file, `expected one initializer ${quote(tensor.name)}, got two`);
      initializers.set(tensor.name, tensor);
      left -= tensor.data instanceof Uint8Array ? tensor.data.length : 0;
      continue;
    }
    // A copy: a view would keep the whole window that it came in.
    const bytes = (await small(file, source, field, left)).slice();
    left -= bytes.length;
    if (field.number === 1) nodes.push(parseNode(file, bytes));
    else (field.number === 11 ? inputs : outputs).push(parseValue(file, bytes));
  }
  return { nodes, initializers, inputs, outputs };
}

/** A constant, its values read only where they stay in the graph. */
async function readTensor(file: CheckpointFile, source: ProtobufFile, field: ProtobufField, left: number): Promise<OnnxTensor> {
  const dims: number[] = [];
  const entries = new Map<string, string>();
  let [name, dataType, isExternal] = ["", 0, false];
  let raw: ProtobufField | undefined;
  for await (const part of source.fields(field.start, field.end)) {
    if (part.number === 1 && part.wireType === 0) dims.push(part.value);
    else if (part.number === 1) {
      for (const extent of packedInts(file, await small(file, source, part, MAX_RANK * 10))) dims.push(extent);
    } else if (part.number === 2) dataType = part.value;
    else if (part.number === 8) name = text(await small(file, source, part, MAX_NAME_BYTES));
    else if (part.number === 9 && part.wireType === 2) raw = part;
    else if (part.number === 13) entries.set(...parseEntry(file, await small(file, source, part, MAX_NAME_BYTES)));
    else if (part.number === 14) isExternal = part.value === 1;
    if (dims.length > MAX_RANK || entries.size > MAX_RANK) malformed(file, `tensor ${name}: expected at most ${MAX_RANK} sizes`);
  }
  if (name === "" || !dims.every((size) => Number.isSafeInteger(size) && size >= 0))
    malformed(file, `expected an initializer to have a name and sizes, got ${quote(name)} of ${quote(dims)}`);
  const byteLength = Math.ceil((dims.reduce((product, size) => product * size, 1) * (BITS.get(dataType) ?? Number.NaN)) / 8);
  if (isExternal) return { name, dataType, dims, data: externalData(file, name, entries, byteLength) };
  if (raw !== undefined && raw.end - raw.start !== byteLength)
    malformed(
      file,
      `tensor ${name}: expected ${byteLength} bytes for ${quote(dims)} of data type ${dataType}, got ${raw.end - raw.start}`,
      { tensor: name },
    );
  if (raw !== undefined && byteLength > MAX_INLINE_BYTES)
    return { name, dataType, dims, data: { location: file.name, offset: raw.start, length: byteLength } };
  return { name, dataType, dims, data: (await small(file, source, field, left)).slice() };
}

/** A reference into another file. Its `location` is a name without a folder: weights lie beside their graph. */
function externalData(file: CheckpointFile, name: string, entries: ReadonlyMap<string, string>, byteLength: number): ExternalData {
  const location = entries.get("location") ?? "";
  const [offset, length] = [Number(entries.get("offset") ?? 0), Number(entries.get("length") ?? byteLength)];
  if (location === "" || location === "." || location === ".." || /[/\\\0:]/.test(location))
    malformed(file, `tensor ${name}: expected external data in a file beside ${file.name}, got ${quote(location)}`, { tensor: name });
  if (!Number.isSafeInteger(offset) || offset < 0 || length !== byteLength)
    malformed(
      file,
      `tensor ${name}: expected ${byteLength} bytes of ${location} from an offset on, got ${quote(length)} from ${quote(offset)}`,
      { tensor: name },
    );
  return { location, offset, length };
}

function parseNode(file: CheckpointFile, bytes: Uint8Array): OnnxNode {
  const inputs: string[] = [];
  const outputs: string[] = [];
  const attributes = new Map<string, Uint8Array>();
  let opType = "";
  for (const field of fieldsIn(file, bytes)) {
    const content = bytes.subarray(field.start, field.end);
    if (field.number === 1) inputs.push(text(content));
    else if (field.number === 2) outputs.push(text(content));
    else if (field.number === 4) opType = text(content);
    else if (field.number === 5) {
      let name = "";
      for (const part of fieldsIn(file, content)) {
        if (part.number === 1) name = text(content.subarray(part.start, part.end));
        if (GRAPH_FIELDS.includes(part.number)) unsupported(file, `branches and loops (operator ${opType || "with a subgraph"})`);
      }
      attributes.set(name, content);
    }
  }
  return { opType, inputs, outputs, attributes, bytes };
}

function parseValue(file: CheckpointFile, bytes: Uint8Array): OnnxValue {
  const name = text(contentOf(file, bytes, 1) ?? new Uint8Array(0));
  const tensor = contentOf(file, contentOf(file, bytes, 2) ?? new Uint8Array(0), 1) ?? new Uint8Array(0);
  const dataType = [...fieldsIn(file, tensor)].find((field) => field.number === 1 && field.wireType === 0)?.value ?? 0;
  return { name, dataType, bytes };
}

/** The content of the last field of this number, or undefined. */
export function contentOf(file: { readonly name: string }, message: Uint8Array, number: number): Uint8Array | undefined {
  const field = [...fieldsIn(file, message)].findLast((candidate) => candidate.number === number && candidate.wireType === 2);
  return field === undefined ? undefined : message.subarray(field.start, field.end);
}

function parseEntry(file: CheckpointFile, bytes: Uint8Array): [key: string, value: string] {
  const empty = new Uint8Array(0);
  return [text(contentOf(file, bytes, 1) ?? empty), text(contentOf(file, bytes, 2) ?? empty)];
}

function packedInts(file: CheckpointFile, bytes: Uint8Array): number[] {
  // A packed list is what the varint fields of a message are, without their tags.
  const values: number[] = [];
  for (let at = 0; at < bytes.length;) {
    const { value, end } = readVarint(file, bytes, at);
    values.push(value);
    at = end;
  }
  return values;
}

/** The content of a field that is to be held in memory. */
function small(file: CheckpointFile, source: ProtobufFile, { start, end }: ProtobufField, limit: number): Promise<Uint8Array> {
  if (end - start > limit) malformed(file, `expected at most ${limit} bytes of a graph's part, got ${end - start}`);
  return source.bytes(start, end);
}

function text(bytes: Uint8Array): string {
  return new TextDecoder().decode(bytes);
}

function unsupported(file: CheckpointFile, what: string): never {
  throw new CheckpointError("unsupported-graph", `${file.name}: expected a graph of plain operators, got ${what}`, { file: file.name });
}
