/**
 * The operators of our graphs in float64 and plain loops: an implementation of its own, whose finite differences the gradients are held to.
 */
import type { Graph, Node } from "@chinese-clip/model";

export interface Float64Tensor {
  readonly dims: readonly number[];
  readonly data: Float64Array;
}

type Operator = (node: Node, inputs: readonly Float64Tensor[]) => Float64Tensor;

export function tensor(dims: readonly number[], data: ArrayLike<number>): Float64Tensor {
  return { dims, data: Float64Array.from(data) };
}

/** Runs a graph up to its last node; the values of all nodes, by name. */
export function evaluate(graph: Graph, feeds: ReadonlyMap<string, Float64Tensor>): Map<string, Float64Tensor> {
  const values = new Map(feeds);
  for (const { name, type, dims, data } of graph.initializers.values()) {
    const { buffer } = (data as Uint8Array).slice();
    values.set(name, tensor(dims, type === "int64" ? Array.from(new BigInt64Array(buffer), Number) : new Float32Array(buffer)));
  }
  for (const node of graph.nodes) {
    const operator = OPERATORS[node.opType];
    if (operator === undefined) throw new Error(`no float64 ${node.opType}`);
    const inputs = node.inputs.map((name) => values.get(name)!);
    values.set(node.outputs[0]!, operator(node, inputs));
  }
  return values;
}

const sizeOf = (dims: readonly number[]): number => dims.reduce((a, b) => a * b, 1);

/** The index of each axis of element `i`. */
function placeOf(i: number, dims: readonly number[]): number[] {
  const place = Array.from(dims, () => 0);
  for (let axis = dims.length - 1; axis >= 0; axis--) {
    place[axis] = i % dims[axis]!;
    i = Math.floor(i / dims[axis]!);
  }
  return place;
}

/** The element at a place, axes of extent 1 and missing ones being repeated. */
function at({ dims, data }: Float64Tensor, place: readonly number[]): number {
  let index = 0;
  const skipped = place.length - dims.length;
  for (let axis = 0; axis < dims.length; axis++) index = index * dims[axis]! + (dims[axis] === 1 ? 0 : place[axis + skipped]!);
  return data[index]!;
}

function build(dims: readonly number[], element: (place: number[]) => number): Float64Tensor {
  return { dims, data: Float64Array.from({ length: sizeOf(dims) }, (_, i) => element(placeOf(i, dims))) };
}

const binary =
  (f: (a: number, b: number) => number): Operator =>
  (_, [a, b]) => {
    const rank = Math.max(a!.dims.length, b!.dims.length);
    const extent = (dims: readonly number[], axis: number): number => dims[axis - rank + dims.length] ?? 1;
    const dims = Array.from({ length: rank }, (__, axis) => Math.max(extent(a!.dims, axis), extent(b!.dims, axis)));
    return build(dims, (place) => f(at(a!, place), at(b!, place)));
  };
const unary =
  (f: (x: number) => number): Operator =>
  (_, [x]) => ({ dims: x!.dims, data: x!.data.map(f) });

/** The error function to float64's precision: its series, from 3 on the continued fraction of its complement. */
function erf(x: number): number {
  if (Math.abs(x) < 3) {
    let [term, sum] = [x, x];
    for (let n = 1; Math.abs(term) > 1e-18 && n < 200; n++) {
      term *= (-x * x) / n;
      sum += term / (2 * n + 1);
    }
    return (2 / Math.sqrt(Math.PI)) * sum;
  }
  let fraction = 0;
  for (let n = 60; n > 0; n--) fraction = n / 2 / (Math.abs(x) + fraction);
  return Math.sign(x) * (1 - Math.exp(-x * x) / Math.sqrt(Math.PI) / (Math.abs(x) + fraction));
}

const attribute = (node: Node, name: string, fallback: number): number => Number(node.attributes[name]?.value ?? fallback);
const list = (node: Node, name: string, fallback: readonly number[]): readonly number[] =>
  (node.attributes[name]?.value as readonly number[] | undefined) ?? fallback;

/** Each row along the last axis by itself. */
function rows(x: Float64Tensor, f: (row: Float64Array) => ArrayLike<number>): Float64Tensor {
  const size = x.dims.at(-1)!;
  const data = new Float64Array(x.data.length);
  for (let start = 0; start < data.length; start += size) data.set(f(x.data.subarray(start, start + size)), start);
  return { dims: x.dims, data };
}

const matMul: Operator = (_, [a, b]) => {
  const [M, K, N] = [a!.dims.at(-2)!, a!.dims.at(-1)!, b!.dims.at(-1)!];
  return build([...a!.dims.slice(0, -2), M, N], (place) => {
    const before = place.slice(0, -2);
    let sum = 0;
    for (let k = 0; k < K; k++) sum += at(a!, [...before, place.at(-2)!, k]) * at(b!, [...before, k, place.at(-1)!]);
    return sum;
  });
};

const gemm: Operator = (node, [x, weight, bias]) => {
  const isTransposed = attribute(node, "transB", 0) === 1;
  const [M, K] = x!.dims as [number, number];
  const N = weight!.dims[isTransposed ? 0 : 1]!;
  const data = new Float64Array(M * N);
  for (let m = 0; m < M; m++) {
    for (let n = 0; n < N; n++) {
      let sum = bias?.data[n] ?? 0;
      for (let k = 0; k < K; k++) sum += x!.data[m * K + k]! * weight!.data[isTransposed ? n * K + k : k * N + n]!;
      data[m * N + n] = sum;
    }
  }
  return { dims: [M, N], data };
};

const reduce =
  (isMean: boolean): Operator =>
  (node, [x, axesInput]) => {
    const axes = axesInput === undefined ? x!.dims.map((_, i) => i) : Array.from(axesInput.data);
    const kept = x!.dims.map((extent, axis) => (axes.includes(axis) ? 1 : extent));
    const data = new Float64Array(sizeOf(kept));
    for (let i = 0; i < x!.data.length; i++) {
      const place = placeOf(i, x!.dims);
      let index = 0;
      for (const [axis, extent] of kept.entries()) index = index * extent + (extent === 1 ? 0 : place[axis]!);
      data[index]! += x!.data[i]!;
    }
    const dims = attribute(node, "keepdims", 1) === 1 ? kept : x!.dims.filter((_, axis) => !axes.includes(axis));
    return { dims, data: isMean ? data.map((sum) => (sum * data.length) / x!.data.length) : data };
  };

const conv: Operator = (node, [x, weight]) => {
  const [B, C, H, W] = x!.dims as [number, number, number, number];
  const [D, , K] = weight!.dims as [number, number, number];
  const [[stride = 1], [padding = 0]] = [list(node, "strides", [1]), list(node, "pads", [0])];
  const steps = (extent: number): number => Math.floor((extent + 2 * padding - K) / stride) + 1;
  return build([B, D, steps(H), steps(W)], ([b, d, h, w]) => {
    let sum = 0;
    for (let c = 0; c < C; c++) {
      for (let i = 0; i < K; i++) {
        const row = h! * stride + i - padding;
        if (row < 0 || row >= H) continue;
        for (let j = 0; j < K; j++) {
          const column = w! * stride + j - padding;
          if (column < 0 || column >= W) continue;
          sum += x!.data[((b! * C + c) * H + row) * W + column]! * weight!.data[((d! * C + c) * K + i) * K + j]!;
        }
      }
    }
    return sum;
  });
};

const OPERATORS: Readonly<Record<string, Operator>> = {
  Add: binary((a, b) => a + b),
  Sub: binary((a, b) => a - b),
  Mul: binary((a, b) => a * b),
  Div: binary((a, b) => a / b),
  Exp: unary(Math.exp),
  Sqrt: unary(Math.sqrt),
  Neg: unary((x) => -x),
  Tanh: unary(Math.tanh),
  Relu: unary((x) => Math.max(x, 0)),
  Gelu: unary((x) => (x * (1 + erf(x * Math.SQRT1_2))) / 2),
  QuickGelu: unary((x) => x / (1 + Math.exp(-1.702 * x))),
  FastGelu: unary((x) => (x * (1 + Math.tanh(Math.sqrt(2 / Math.PI) * (x + 0.044715 * x ** 3)))) / 2),
  Identity: unary((x) => x),
  Cast: unary((x) => x),
  Gemm: gemm,
  MatMul: matMul,
  Softmax: (_, [x]) =>
    rows(x!, (row) => {
      const powers = row.map((value) => Math.exp(value - Math.max(...row)));
      const sum = powers.reduce((a, b) => a + b);
      return powers.map((power) => power / sum);
    }),
  LogSoftmax: (_, [x]) =>
    rows(x!, (row) => {
      const most = Math.max(...row);
      const sum = Math.log(row.reduce((total, value) => total + Math.exp(value - most), 0)) + most;
      return row.map((value) => value - sum);
    }),
  LayerNormalization: (node, [x, scale, bias]) =>
    rows(x!, (row) => {
      const mean = row.reduce((a, b) => a + b) / row.length;
      const variance = row.reduce((total, value) => total + (value - mean) ** 2, 0) / row.length;
      const deviation = Math.sqrt(variance + attribute(node, "epsilon", 1e-5));
      return row.map((value, i) => ((value - mean) / deviation) * scale!.data[i]! + bias!.data[i]!);
    }),
  BatchNormalization: (node, [x, scale, bias, mean, variance]) =>
    build(x!.dims, (place) => {
      const c = place[1]!;
      const deviation = Math.sqrt(variance!.data[c]! + attribute(node, "epsilon", 1e-5));
      return ((at(x!, place) - mean!.data[c]!) / deviation) * scale!.data[c]! + bias!.data[c]!;
    }),
  Conv: conv,
  AveragePool: (node, [x]) => {
    const [size = 1] = list(node, "kernel_shape", [1]);
    const [B, C, H, W] = x!.dims as [number, number, number, number];
    return build([B, C, H / size, W / size], ([b, c, h, w]) => {
      let sum = 0;
      for (let i = 0; i < size; i++) for (let j = 0; j < size; j++) sum += at(x!, [b!, c!, h! * size + i, w! * size + j]);
      return sum / size ** 2;
    });
  },
  Reshape: (_, [x, shape]) => {
    const wanted = Array.from(shape!.data, (extent, axis) => (extent === 0 ? x!.dims[axis]! : extent));
    const left = -x!.data.length / sizeOf(wanted);
    return { dims: wanted.map((extent) => (extent === -1 ? left : extent)), data: x!.data };
  },
  Unsqueeze: (_, [x, axes]) => {
    const dims = [...x!.dims];
    for (const axis of axes!.data) dims.splice(axis, 0, 1);
    return { dims, data: x!.data };
  },
  Transpose: (node, [x]) => {
    const permutation = list(node, "perm", []);
    return build(permutation.map((axis) => x!.dims[axis]!), (place) => at(x!, permutation.map((_, axis) => place[permutation.indexOf(axis)]!))); // prettier-ignore
  },
  Concat: (node, inputs) => {
    const axis = attribute(node, "axis", 0);
    const total = inputs.reduce((sum, { dims }) => sum + dims[axis]!, 0);
    return build(inputs[0]!.dims.map((extent, i) => (i === axis ? total : extent)), (place) => {
      let offset = place[axis]!;
      for (const input of inputs) {
        if (offset < input.dims[axis]!) {
          // an axis of extent 1 has offset 0 here, so that repeating it changes nothing
          return at(input, place.map((index, i) => (i === axis ? offset : index))); // prettier-ignore
        }
        offset -= input.dims[axis]!;
      }
      return Number.NaN;
    }); // prettier-ignore
  },
  Slice: (_, [x, starts, ends, axes]) => {
    const [start, end, axis] = [starts!.data[0]!, ends!.data[0]!, axes!.data[0]!];
    return build(x!.dims.map((extent, i) => (i === axis ? end - start : extent)), (place) =>
      at(x!, place.map((index, i) => (i === axis ? index + start : index)))); // prettier-ignore
  },
  Expand: (_, [x, shape]) => build(Array.from(shape!.data, (extent, i) => Math.max(extent, x!.dims[i - shape!.data.length + x!.dims.length] ?? 1)), (place) => at(x!, place)), // prettier-ignore
  ReduceSum: reduce(false),
  ReduceMean: reduce(true),
  Gather: (node, [x, indices]) => {
    const axis = attribute(node, "axis", 0);
    const rank = indices!.dims.length;
    const dims = [...x!.dims.slice(0, axis), ...indices!.dims, ...x!.dims.slice(axis + 1)];
    return build(dims, (place) =>
      at(x!, [...place.slice(0, axis), at(indices!, place.slice(axis, axis + rank)), ...place.slice(axis + rank)]),
    );
  },
  GatherElements: (node, [x, indices]) => {
    const axis = attribute(node, "axis", 0);
    return build(indices!.dims, (place) => at(x!, [...place.slice(0, axis), at(indices!, place), ...place.slice(axis + 1)]));
  },
};
