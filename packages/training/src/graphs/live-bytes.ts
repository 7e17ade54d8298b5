/**
 * What of a graph is alive at a time: ONNX Runtime's order of execution (`Graph::ReverseDFSFrom`) and a tensor's life from the operator that makes it to
 * the last one that takes it. All extents are numbers.
 */
import type { Node, Value } from "@chinese-clip/model";

const BYTES: Readonly<Record<string, number>> = { float32: 4, int64: 8, int32: 4, bool: 1 };

/** Operators that give their input under another shape, without a copy. */
const VIEWS: ReadonlySet<string> = new Set(["Reshape", "Unsqueeze", "Identity"]);
/** Operators that write over an input that nothing takes after them. */
const IN_PLACE: ReadonlySet<string> = new Set(["Add", "Sub", "Mul", "Div", "Neg", "Exp", "Sqrt", "Relu", "Tanh", "Where"]);

/** A graph's operators and its values by name. */
export interface GraphToMeasure {
  readonly nodes: readonly Node[];
  readonly values: ReadonlyMap<string, Value>;
  /** Names of what lies elsewhere: inputs, constants, outputs that are written to the caller's memory. */
  readonly isElsewhere: (name: string) => boolean;
}

/** The most bytes of intermediate tensors at a time. */
export function peakLiveBytes({ nodes, values, isElsewhere }: GraphToMeasure): number {
  const order = executionOrder(nodes);
  const lastUse = new Map<string, number>();
  for (const [at, { inputs }] of order.entries()) for (const name of inputs) lastUse.set(name, at);
  const buffers = new Map<string, Buffer>();
  const release = (name: string): number => {
    const buffer = buffers.get(name);
    buffers.delete(name);
    return buffer !== undefined && --buffer.holders === 0 ? buffer.bytes : 0;
  };
  let [live, peak] = [0, 0];
  for (const [at, node] of order.entries()) {
    const dying = [...new Set(node.inputs)].filter((name) => lastUse.get(name) === at);
    for (const output of node.outputs) {
      if (output === "") continue;
      const bytes = bytesOf(values.get(output));
      const given = isElsewhere(output) ? undefined : reusable(node, dying, bytes, buffers);
      if (given !== undefined) {
        given.holders++;
        buffers.set(output, given);
      } else if (!isElsewhere(output)) {
        buffers.set(output, { bytes, holders: 1 });
        live += bytes;
      }
    }
    peak = Math.max(peak, live);
    for (const name of dying) live -= release(name);
    for (const name of node.outputs) if (!lastUse.has(name)) live -= release(name);
  }
  return peak;
}

interface Buffer {
  readonly bytes: number;
  holders: number;
}

/** The buffer of an input that an operator's result is put into. */
function reusable(node: Node, dying: readonly string[], bytes: number, buffers: ReadonlyMap<string, Buffer>): Buffer | undefined {
  const [first = ""] = node.inputs;
  if (VIEWS.has(node.opType)) return buffers.get(first);
  if (!IN_PLACE.has(node.opType)) return undefined;
  return node.inputs
    .flatMap((name) => buffers.get(name) ?? [])
    .find((buffer) => buffer.bytes === bytes && buffer.holders === 1 && dying.some((name) => buffers.get(name) === buffer));
}

/** From the last operator whose result nothing takes, depth first: what it takes is made before it, later made things first. */
export function executionOrder(nodes: readonly Node[]): Node[] {
  const makers = new Map(nodes.flatMap((node, index) => node.outputs.map((name) => [name, index] as const)));
  const taken = new Set(nodes.flatMap(({ inputs }) => inputs));
  const stack = nodes.flatMap((node, index) => (node.outputs.every((name) => !taken.has(name)) ? [{ index, isDone: false }] : []));
  const [visited, order]: [Set<number>, Node[]] = [new Set(), []];
  for (let entry = stack.pop(); entry !== undefined; entry = stack.pop()) {
    const { index, isDone } = entry;
    const node = nodes[index];
    if (node === undefined || (!isDone && visited.has(index))) continue;
    if (isDone) {
      order.push(node);
      continue;
    }
    visited.add(index);
    stack.push({ index, isDone: true });
    const before = [...new Set(node.inputs.flatMap((name) => makers.get(name) ?? []))].toSorted((a, b) => a - b);
    for (const input of before) if (!visited.has(input)) stack.push({ index: input, isDone: false });
  }
  return order;
}

function bytesOf(value: Value | undefined): number {
  return (value?.dims ?? []).reduce<number>((bytes, extent) => bytes * Number(extent), BYTES[value?.type ?? "float32"] ?? 4);
}
