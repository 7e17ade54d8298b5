import type { Graph, Value } from "@chinese-clip/model";
import { averagePool, batchNorm, conv, encodeModel, float, GraphBuilder, int } from "@chinese-clip/model/graph";
import { InferenceSession, Tensor } from "onnxruntime-node";
import { describe, expect, it } from "vitest";
import { DIFFERENTIABLE, gradients } from "../src/index.js";
import { relativeL2 } from "./fixtures.js";
import { evaluate, type Float64Tensor, tensor } from "./float64.js";
import { randomNumbers } from "./random.js";

/** An operator applied to inputs of these shapes. */
interface RuleCase {
  readonly shapes: readonly (readonly number[])[];
  readonly apply: (graph: GraphBuilder, ...inputs: Value[]) => Value;
  /** int64 inputs after the others. */
  readonly indices?: readonly (readonly number[])[];
  /** Made from the random numbers, for operators of positive ones. */
  readonly positive?: boolean;
  /** Inputs that have no gradient, by number. */
  readonly constants?: readonly number[];
}

const unary =
  (opType: string): RuleCase["apply"] =>
  (graph, x) =>
    graph.apply(opType, [x], { type: x.type, dims: x.dims });

/** By operator; several where it is used in several ways. */
const CASES: Readonly<Record<string, readonly RuleCase[]>> = {
  Add: [
    { shapes: [[2, 3], [2, 3]], apply: (graph, a, b) => graph.add(a, b) },
    { shapes: [[2, 3, 4], [3, 4]], apply: (graph, a, b) => graph.add(a, b) },
    { shapes: [[3, 4], []], apply: (graph, a, b) => graph.add(a, b) },
  ],
  Sub: [{ shapes: [[2, 3], [2, 1]], apply: (graph, a, b) => graph.sub(a, b) }],
  Mul: [
    { shapes: [[2, 3], [1, 3]], apply: (graph, a, b) => graph.mul(a, b) },
    { shapes: [[2, 3]], apply: (graph, a) => graph.mul(a, a) },
    { shapes: [[2, 3], [1]], apply: (graph, a, b) => graph.mul(a, b) },
  ],
  Div: [{ shapes: [[2, 3], [2, 1]], positive: true, apply: (graph, a, b) => graph.apply("Div", [a, b], a) }],
  Exp: [{ shapes: [[2, 3]], apply: unary("Exp") }],
  Sqrt: [{ shapes: [[2, 3]], positive: true, apply: unary("Sqrt") }],
  Neg: [{ shapes: [[2, 3]], apply: unary("Neg") }],
  Tanh: [{ shapes: [[2, 3]], apply: (graph, x) => graph.tanh(x) }],
  Relu: [{ shapes: [[4, 5]], apply: (graph, x) => graph.relu(x) }],
  Gelu: [{ shapes: [[4, 5]], apply: (graph, x) => graph.gelu(x) }],
  QuickGelu: [{ shapes: [[4, 5]], apply: (graph, x) => graph.quickGelu(x) }],
  FastGelu: [{ shapes: [[4, 5]], apply: (graph, x) => graph.fastGelu(x) }],
  Identity: [{ shapes: [[2, 3]], apply: unary("Identity") }],
  Cast: [{ shapes: [[2, 3]], apply: (graph, x) => graph.apply("Cast", [x], x, { to: int(1) }) }],
  Gemm: [
    { shapes: [[4, 3], [5, 3], [5]], apply: (graph, x, w, b) => graph.apply("Gemm", [x, w, b], { type: "float32", dims: [4, 5] }, { transB: int(1) }) },
    { shapes: [[4, 3], [3, 5]], apply: (graph, x, w) => graph.apply("Gemm", [x, w], { type: "float32", dims: [4, 5] }) },
  ],
  MatMul: [
    { shapes: [[2, 3, 4], [2, 4, 5]], apply: (graph, a, b) => graph.matMul(a, b) },
    { shapes: [[2, 2, 3, 4], [2, 2, 4, 5]], apply: (graph, a, b) => graph.matMul(a, b) },
  ],
  Softmax: [{ shapes: [[3, 5]], apply: (graph, x) => graph.softmax(x) }],
  LogSoftmax: [{ shapes: [[3, 5]], apply: (graph, x) => graph.apply("LogSoftmax", [x], x, { axis: int(-1) }) }],
  Reshape: [{ shapes: [[2, 6]], apply: (graph, x) => graph.reshape(x, graph.int64([3, 4])) }],
  Unsqueeze: [{ shapes: [[2, 3]], apply: (graph, x) => graph.unsqueeze(x, [1]) }],
  Transpose: [{ shapes: [[2, 3, 4]], apply: (graph, x) => graph.transpose(x, [2, 0, 1]) }],
  Concat: [{ shapes: [[2, 1, 3], [2, 4, 3]], apply: (graph, a, b) => graph.concat([a, b], 1) }],
  Slice: [{ shapes: [[3, 5]], apply: (graph, x) => graph.slice(x, graph.int64([1]), graph.int64([4]), 1) }],
  Expand: [{ shapes: [[3, 1]], apply: (graph, x) => graph.expand(x, graph.int64([2, 3, 4])) }],
  ReduceSum: [
    { shapes: [[2, 3, 4]], apply: (graph, x) => graph.apply("ReduceSum", [x, graph.int64([0, 2])], { type: "float32", dims: [1, 3, 1] }) },
    { shapes: [[2, 3, 4]], apply: (graph, x) => graph.apply("ReduceSum", [x, graph.int64([1])], { type: "float32", dims: [2, 4] }, { keepdims: int(0) }) },
  ],
  ReduceMean: [{ shapes: [[2, 3, 4]], apply: (graph, x) => graph.reduce("ReduceMean", x, 1) }],
  Gather: [
    { shapes: [[5, 3]], indices: [[1, 4, 1, 1, 0, 4]], apply: (graph, table, rows) => graph.gather(table, rows) },
    { shapes: [[2, 4, 3]], apply: (graph, x) => graph.gather(x, graph.int64(2), 1) },
  ],
  GatherElements: [
    {
      shapes: [[2, 4, 3]],
      indices: [[3, 1, 1, 1]], // one of them twice
      apply: (graph, x, rows) => {
        const places = graph.expand(graph.reshape(rows, graph.int64([2, 2, 1])), graph.int64([2, 2, 3]));
        return graph.apply("GatherElements", [x, places], { type: "float32", dims: [2, 2, 3] }, { axis: int(1) });
      },
    },
  ],
  LayerNormalization: [
    {
      shapes: [[4, 6], [6], [6]],
      apply: (graph, x, scale, bias) => {
        const statistic = { type: "float32", dims: [4, 1] } as const;
        return graph.applyAll("LayerNormalization", [x, scale, bias], [x, statistic, statistic], { axis: int(-1), epsilon: float(1e-5) })[0];
      },
    },
  ],
  BatchNormalization: [
    {
      shapes: [[2, 3, 4, 5], [3], [3], [3], [3]],
      positive: true,
      constants: [3, 4],
      apply: (graph, x, scale, bias, mean, variance) => batchNorm(graph, x, scale, bias, mean, variance, 1e-5),
    },
  ],
  Conv: [
    { shapes: [[2, 3, 8, 8], [4, 3, 4, 4]], apply: (graph, x, w) => conv(graph, x, w, 4) },
    { shapes: [[2, 3, 9, 9], [4, 3, 4, 4]], apply: (graph, x, w) => conv(graph, x, w, 4) },
    { shapes: [[2, 3, 6, 5], [4, 3, 3, 3]], apply: (graph, x, w) => conv(graph, x, w, 1, 1) },
    { shapes: [[2, 3, 8, 7], [4, 3, 3, 3]], apply: (graph, x, w) => conv(graph, x, w, 2, 1) },
    { shapes: [[2, 3, 4, 5], [4, 3, 1, 1]], apply: (graph, x, w) => conv(graph, x, w, 1) },
  ],
  AveragePool: [{ shapes: [[2, 3, 4, 6]], apply: (graph, x) => averagePool(graph, x, 2) }],
}; // prettier-ignore

/** The operator's result, weighted by random numbers and summed, so that every element of the gradient counts. */
function weighted({ shapes, apply, indices = [] }: RuleCase): { graph: GraphBuilder; inputs: Value[]; result: Value; weights: Value } {
  const graph = new GraphBuilder("rule");
  const inputs = shapes.map((dims, i) => graph.input(`x${i}`, "float32", dims));
  const rows = indices.map((list, i) => graph.input(`rows${i}`, "int64", [list.length]));
  const result = apply(graph, ...inputs, ...rows);
  return { graph, inputs, result, weights: graph.input("weights", "float32", result.dims) };
}

const sizeOf = (dims: readonly (number | string)[]): number => dims.reduce<number>((size, extent) => size * Number(extent), 1);

describe.each(Object.entries(CASES))("%s", (opType, cases) => {
  it.each(cases.map((rule, i) => [i, rule] as const))("agrees with float64 differences (%i)", async (_, rule) => {
    const random = randomNumbers(17);
    const numbers = (dims: readonly (number | string)[]): Float32Array =>
      Float32Array.from({ length: sizeOf(dims) }, () => (rule.positive === true ? 0.5 + random() : 4 * random() - 2));
    const { graph, inputs, result, weights } = weighted(rule);
    const forward: Graph = { ...graph.finish(), nodes: [...graph.finish().nodes] };
    expect(forward.nodes.map((node) => node.opType)).toContain(opType);
    const feeds = new Map(inputs.map(({ name, dims }) => [name, tensor(dims.map(Number), numbers(dims))]));
    for (const [i, list] of (rule.indices ?? []).entries()) feeds.set(`rows${i}`, tensor([list.length], list));
    feeds.set("weights", tensor(weights.dims.map(Number), numbers(weights.dims)));

    const trained = inputs.filter((_value, i) => rule.constants?.includes(i) !== true);
    for (const [i, gradient] of gradients(graph, [{ result, gradient: weights }], trained).entries())
      graph.output(`gradient${i}`, gradient);
    const results = await run(graph.finish(), feeds);

    const lossAt = (changed: ReadonlyMap<string, Float64Tensor>): number => {
      const { data } = evaluate(forward, changed).get(result.name)!;
      return data.reduce((sum, value, i) => sum + value * feeds.get("weights")!.data[i]!, 0);
    };
    for (const [i, { name }] of trained.entries()) {
      const { dims, data } = feeds.get(name)!;
      const expected = data.map((value, element) => {
        const moved = (by: number): number => {
          const changed = data.slice();
          changed[element] = value + by;
          return lossAt(new Map(feeds).set(name, { dims, data: changed }));
        };
        return (moved(1e-5) - moved(-1e-5)) / 2e-5;
      });
      expect(relativeL2(results[`gradient${i}`]!.data as Float32Array, expected), name).toBeLessThan(2e-6);
    }
  });
});

it("has a case for every rule", () => {
  expect(Object.keys(CASES).toSorted()).toEqual([...DIFFERENTIABLE].toSorted());
});

it("names an operator that has no rule", () => {
  const graph = new GraphBuilder("none");
  const x = graph.input("x", "float32", [2]);
  expect(() => gradients(graph, [{ result: graph.abs(x), gradient: x }], [x])).toThrow("expected an operator with a rule");
});

async function run(graph: Graph, feeds: ReadonlyMap<string, Float64Tensor>): Promise<InferenceSession.OnnxValueMapType> {
  const info = (name: string): Value => graph.values.get(name)!;
  const used = new Set(graph.nodes.flatMap(({ inputs }) => inputs));
  const inputs = graph.inputs.filter((name) => used.has(name));
  const model = encodeModel({
    ...graph,
    inputs: inputs.map(info),
    outputs: graph.outputs.map(info),
    initializers: [...graph.initializers.values()].filter(({ name }) => used.has(name)),
    values: [],
  });
  const session = await InferenceSession.create(model, { intraOpNumThreads: 2 });
  const tensors = inputs.map((name) => {
    const { dims, data } = feeds.get(name)!;
    return [name, info(name).type === "int64" ? new Tensor("int64", BigInt64Array.from(data, BigInt), dims) : new Tensor("float32", Float32Array.from(data), dims)] as const; // prettier-ignore
  });
  return session.run(Object.fromEntries(tensors));
}
