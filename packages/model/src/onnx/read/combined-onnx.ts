/**
 * A combined ONNX export of Chinese-CLIP, as Optimum makes it and transformers.js takes it: one graph from `input_ids`, `pixel_values` and
 * `attention_mask` to `text_embeds`, `image_embeds` and logits, which always runs both towers. Here it is cut into the two: each is what
 * its features, as they are before the L2 normalisation, depend on. Weights stay where they are, as in a checkpoint.
 */
import { CheckpointError, malformed, quote } from "../../checkpoint-error.js";
import type { TowerOutputs } from "../../tower-outputs.js";
import type { CheckpointFile } from "../../weights/byte-source.js";
import { type Origin, ValueGraph } from "./cut-graph.js";
import type { EncodedGraph } from "../write/encoded-graph.js";
import { DATA_TYPE, writeNode, writeValueInfo } from "../write/encode-model.js";
import { encodeOnnx, joinPieces } from "../write/rewrite-onnx.js";
import type { ElementType, ExternalData } from "../write/ir.js";
import type { OnnxNode, OnnxTensor } from "../onnx-model.js";
import { fieldsIn } from "./protobuf-reader.js";
import { ProtobufWriter } from "../write/protobuf-writer.js";
import { contentOf, readOnnx } from "./read-onnx.js";

/** An export that was read. */
export interface CombinedOnnx {
  /** Its two towers, encoded; they give features only. */
  readonly graphs: {
    text(outputs: TowerOutputs): EncodedGraph;
    vision(outputs: TowerOutputs, interpolatePositions: boolean): EncodedGraph;
  };
  /** `logit_scale`, a logarithm. */
  readonly logitScale: number;
}

/** One tower's names in the export and here. */
interface TowerNames {
  readonly tower: "text" | "vision";
  readonly normalized: string;
  readonly features: string;
  readonly inputs: Readonly<Record<string, ElementType>>;
}

const TEXT: TowerNames = {
  tower: "text",
  normalized: "text_embeds",
  features: "text_features",
  inputs: { input_ids: "int64", attention_mask: "int64", token_type_ids: "int64" },
};
const VISION: TowerNames = { tower: "vision", normalized: "image_embeds", features: "image_features", inputs: { pixel_values: "float32" } };
/** The operators that an L2 norm is computed by, in one step or many, with or without a minimum. */
const NORM_OPERATORS: ReadonlySet<string> = new Set(
  "Abs Add Cast Clip Constant Expand Identity Max Mul Pow ReduceL2 ReduceSum ReduceSumSquare Shape Sqrt Unsqueeze".split(" "),
);
const REDUCTIONS: ReadonlySet<string> = new Set(["ReduceL2", "ReduceSum", "ReduceSumSquare"]);
/** The first IR version in which an initializer need not be an input. */
const MIN_IR_VERSION = 4;

/**
 * Reads a combined export and cuts it; weights are not read beyond their headers.
 *
 * @param file - the `.onnx` file.
 * @param openBeside - opens a file in the same folder by its name, for weights that are stored apart, or gives undefined.
 * @throws CheckpointError `malformed`, `missing-file`, or `unsupported-graph`: not this kind of export.
 */
export async function readCombinedOnnx(
  file: CheckpointFile,
  openBeside: (name: string) => Promise<CheckpointFile | undefined>,
): Promise<CombinedOnnx> {
  const graph = new ValueGraph(file, await readOnnx(file));
  const files = await openWeights(file, graph, openBeside);
  const towers = { text: cutTower(file, files, graph, TEXT), vision: cutTower(file, files, graph, VISION) };
  const features = (outputs: TowerOutputs, encoded: EncodedGraph, isUsual = true): EncodedGraph => {
    if (outputs.kind === "features" && isUsual) return encoded;
    return graph.unsupported(
      "expected features only, for an ONNX export has no hidden states and one image size; load the checkpoint for these",
    );
  };
  return {
    graphs: {
      text: (outputs) => features(outputs, towers.text),
      vision: (outputs, interpolatePositions) => features(outputs, towers.vision, !interpolatePositions),
    },
    logitScale: await readLogitScale(file, files, graph),
  };
}

/** The files that the weights lie in, by the names that the graph has for them. */
async function openWeights(
  file: CheckpointFile,
  { model }: ValueGraph,
  openBeside: (name: string) => Promise<CheckpointFile | undefined>,
): Promise<Map<string, CheckpointFile>> {
  const files = new Map([[file.name, file]]);
  for (const { name, data } of model.initializers.values()) {
    if (data instanceof Uint8Array) continue;
    // Each file once, and no second one when the first is not there.
    const found = files.get(data.location) ?? (await openBeside(data.location));
    if (found === undefined) {
      throw new CheckpointError("missing-file", `${file.name}: expected its weights in a file ${data.location} beside it, got none`, {
        file: data.location,
        tensor: name,
      });
    }
    files.set(data.location, found);
    if (data.offset + data.length > found.byteLength)
      malformed(found, `tensor ${name}: expected bytes up to ${data.offset + data.length}, but the file ends at ${found.byteLength}`, {
        tensor: name,
      });
  }
  return files;
}

function cutTower(file: CheckpointFile, files: ReadonlyMap<string, CheckpointFile>, graph: ValueGraph, names: TowerNames): EncodedGraph {
  const features = beforeNormalization(graph, names.normalized);
  const { nodes, initializers, inputs } = graph.ancestors(features);
  const wanted = graph.model.inputs.filter(({ name }) => inputs.has(name));
  for (const { name, dataType } of wanted) {
    const type = names.inputs[name];
    if (type === undefined || dataType !== DATA_TYPE[type]) {
      graph.unsupported(`expected the ${names.tower} tower to depend on ${Object.entries(names.inputs).map((input) => input.join(": ")).join(", ")}, got ${quote(name)} of data type ${dataType}`); // prettier-ignore
    }
  }
  const [required] = Object.keys(names.inputs);
  if (!wanted.some(({ name }) => name === required))
    graph.unsupported(`expected ${names.normalized} to depend on ${required}, which it does not`);
  if (graph.has(names.features))
    graph.unsupported(`expected no value ${names.features}, which the ${names.tower} tower's output is to be called`);

  // Also of an export that computes in another dtype.
  const cast = new ProtobufWriter();
  const to = { kind: "int", value: DATA_TYPE.float32 } as const;
  writeNode(cast, { opType: "Cast", domain: "", inputs: [features], outputs: [names.features], attributes: { to } });
  const output = new ProtobufWriter();
  writeValueInfo(output, { name: names.features, type: "float32", dims: ["batch", `${names.tower}_features`] });
  const used = new Set<string>();
  const place = (_: OnnxTensor, data: ExternalData): ExternalData => {
    const location = files.get(data.location)?.name ?? data.location;
    used.add(location);
    return { ...data, location };
  };
  const model = {
    irVersion: Math.max(graph.model.irVersion, MIN_IR_VERSION),
    opsets: graph.model.opsets,
    nodes: [...nodes, { opType: "Cast", inputs: [features], outputs: [names.features], attributes: new Map(), bytes: cast.finish() }],
    initializers,
    inputs: wanted,
    outputs: [{ name: names.features, dataType: DATA_TYPE.float32, bytes: output.finish() }],
  };
  const encode = (move: (data: ExternalData) => ExternalData): Uint8Array =>
    joinPieces(encodeOnnx(model, { name: names.tower }, (tensor, data) => move(place(tensor, data))));
  return {
    model: encode((data) => data),
    files: [...used],
    inputs: wanted.map(({ name }) => name),
    outputs: [names.features],
    withExternalData: encode,
  };
}

/** The value that an output is the L2-normalised form of. */
function beforeNormalization(graph: ValueGraph, output: string): string {
  if (!graph.model.outputs.some(({ name }) => name === output)) {
    const got = graph.model.outputs.map(({ name }) => name);
    graph.unsupported(`expected a combined export with an output ${output}, got outputs ${quote(got)}`, { expected: output, actual: got });
  }
  const { producer: node } = graph.origin(output);
  const [value = "", divisor = ""] = node?.inputs ?? [];
  if (node?.opType === "LpNormalization") return value;
  if (node?.opType === "Div" && isNormOf(graph, divisor, value)) return value;
  graph.unsupported(`expected ${output} to be a value divided by its L2 norm, got ${node === undefined ? "an input" : node.opType}`, {
    output,
  });
}

/** Whether a value is computed from another one and constants alone, as a norm is. */
function isNormOf(graph: ValueGraph, norm: string, value: string): boolean {
  const source = graph.origin(value).name;
  const seen = new Set<string>();
  const pending = [norm];
  let reduces = false;
  for (let name = pending.pop(); name !== undefined; name = pending.pop()) {
    if (seen.has(name) || name === "" || graph.origin(name).name === source) continue;
    seen.add(name);
    const node = graph.producer(name);
    if (node === undefined && graph.model.initializers.has(name)) continue;
    if (node === undefined || !NORM_OPERATORS.has(node.opType)) return false;
    reduces ||= REDUCTIONS.has(node.opType);
    for (const input of node.inputs) pending.push(input);
  }
  return reduces;
}

/** The constant that the cosines are multiplied by: the exponential of `logit_scale`, maybe already taken. */
async function readLogitScale(file: CheckpointFile, files: ReadonlyMap<string, CheckpointFile>, graph: ValueGraph): Promise<number> {
  const output = graph.model.outputs.find(({ name }) => name === "logits_per_text" || name === "logits_per_image")?.name;
  let current = graph.origin(output ?? "");
  for (let steps = 0; steps < 16 && current.producer?.opType === "Transpose"; steps++)
    current = graph.origin(current.producer.inputs[0] ?? "");
  if (current.producer?.opType === "Mul") {
    for (const factor of current.producer.inputs) {
      const source = graph.origin(factor);
      const isExponential = source.producer?.opType === "Exp";
      const constant = isExponential ? graph.origin(source.producer.inputs[0] ?? "") : source;
      // One after the other: the first is the other one's cosines.
      const number = await readScalar(file, files, graph, constant);
      if (number !== undefined && (isExponential || number > 0)) return isExponential ? number : Math.log(number);
    }
  }
  graph.unsupported("expected logits_per_text or logits_per_image to be cosines times the exponential of logit_scale, got another graph");
}

/** The one number of a constant, or undefined for anything else. */
async function readScalar(
  file: CheckpointFile,
  files: ReadonlyMap<string, CheckpointFile>,
  graph: ValueGraph,
  { name, producer }: Origin,
): Promise<number | undefined> {
  const data = graph.model.initializers.get(name)?.data ?? constantOf(file, producer);
  if (data === undefined) return undefined;
  if (data instanceof Uint8Array) return parseScalar(file, data);
  const { dataType = 0 } = graph.model.initializers.get(name) ?? {};
  if (data.length > 8) return undefined;
  const bytes = await files.get(data.location)?.read(data.offset, data.offset + data.length);
  return bytes === undefined ? undefined : numberOf(dataType, bytes);
}

/** The tensor that an operator `Constant` gives. */
function constantOf(file: CheckpointFile, node: OnnxNode | undefined): Uint8Array | undefined {
  const value = node?.opType === "Constant" ? node.attributes.get("value") : undefined;
  return value === undefined ? undefined : contentOf(file, value, 5);
}

function parseScalar(file: CheckpointFile, tensor: Uint8Array): number | undefined {
  const fields = [...fieldsIn(file, tensor)];
  const dataType = fields.find(({ number }) => number === 2)?.value ?? 0;
  // float_data or raw_data; a scalar's packed list is its bytes.
  const values = fields.find(({ number }) => number === 4 || number === 9 || number === 10);
  return values === undefined ? undefined : numberOf(dataType, tensor.subarray(values.start, values.end));
}

function numberOf(dataType: number, bytes: Uint8Array): number | undefined {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  if (dataType === DATA_TYPE.float32 && bytes.length === 4) return view.getFloat32(0, true);
  if (dataType === DATA_TYPE.float64 && bytes.length === 8) return view.getFloat64(0, true);
  return undefined;
}
