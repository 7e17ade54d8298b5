/**
 * Builds a graph operator by operator, so that a forward pass reads as equations. Each method applies one operator, infers its result's type and
 * shape as ONNX's specification has it, and rejects inputs that do not fit, so that the shapes in a forward pass's margin are checked when it is built.
 */
import { DATA_TYPE } from "../../onnx/write/encode-model.js";
import type { Attribute, Dimension, ElementType, Initializer, Node } from "../../onnx/write/ir.js";
import { float, int, ints } from "./attributes.js";
import { product, quotient, sum } from "./dimension.js";
import type { Graph, Storage, Value } from "./graph.js";
import { bind, broadcast, contentOf, isKnown, isSame, mismatch } from "./shapes.js";

/** What an operator gives: a value that has no name yet. */
export type Result = Omit<Value, "name">;

/** What attends to what. Q is 1 where only the class token's result is wanted, else L. */
export interface AttentionInputs {
  /** `[B, Q, D]` */
  readonly query: Value;
  /** `[B, L, D]` */
  readonly key: Value;
  /** `[B, L, D]` */
  readonly value: Value;
  /** Number of heads; divides D. */
  readonly heads: number;
  /** int32 `[B, L]`: 0 masks a key. Absent: none is masked. */
  readonly mask: Value | undefined;
}

/** One graph under construction. */
export class GraphBuilder {
  /** The dtype that is computed in. */
  readonly computeType: "float32" | "float16";
  readonly #name: string;
  readonly #inputs: string[] = [];
  readonly #outputs: string[] = [];
  readonly #nodes: Node[] = [];
  readonly #values: Map<string, Value> = new Map();
  readonly #parameters: Map<string, Storage> = new Map();
  readonly #initializers: Map<string, Initializer> = new Map();

  constructor(name: string, computeType: "float32" | "float16" = "float32") {
    this.#name = name;
    this.computeType = computeType;
  }

  /** The finished graph. */
  finish(): Graph {
    const tensors = [...this.#parameters.values()].map((storage) => (storage.kind === "float" ? storage.tensor : storage.values));
    return {
      name: this.#name,
      inputs: this.#inputs,
      outputs: this.#outputs,
      nodes: this.#nodes,
      values: this.#values,
      parameters: this.#parameters,
      initializers: this.#initializers,
      files: [...new Set(tensors.flatMap(({ file, bytes }) => (bytes === undefined ? [file] : [])))],
    };
  }

  /** An input of the graph. */
  input(name: string, type: ElementType, dims: readonly Dimension[]): Value {
    this.#inputs.push(name);
    return this.#value({ name, type, dims });
  }

  /** An output of the graph, in float32. */
  output(name: string, { name: source, type, dims }: Value): void {
    this.#outputs.push(name);
    this.#value({ name, type: "float32", dims });
    const copy =
      type === "float32" ? { opType: "Identity", attributes: {} } : { opType: "Cast", attributes: { to: int(DATA_TYPE.float32) } };
    this.#nodes.push({ ...copy, domain: "", inputs: [source], outputs: [name] });
  }

  /** A tensor of the checkpoint, by reference. */
  parameter(name: string, dims: readonly number[], storage: Storage): Value {
    this.#parameters.set(name, storage);
    return this.#value({ name, type: this.computeType, dims });
  }

  /** A constant, or a stored tensor as it lies in its file. */
  initializer(initializer: Initializer, content?: readonly Dimension[]): Value {
    const { name, type, dims } = initializer;
    this.#initializers.set(name, initializer);
    return this.#value({ name, type, dims, ...(content === undefined ? {} : { content }) });
  }

  /** A list of integers, such as a shape; one number without a list makes a scalar. */
  int64(values: readonly number[] | number): Value {
    const list = typeof values === "number" ? [values] : values;
    const name = typeof values === "number" ? `int64_${values}` : `int64[${list.join(",")}]`;
    const data = new Uint8Array(BigInt64Array.from(list, BigInt).buffer);
    return this.initializer({ name, type: "int64", dims: typeof values === "number" ? [] : [list.length], data }, list);
  }

  /** One number in the dtype that is computed in. */
  number(value: number): Value {
    const data = new Uint8Array(Float32Array.of(value).buffer);
    const number = this.initializer({ name: `float32_${value}`, type: "float32", dims: [], data });
    return this.cast(number, this.computeType); // ONNX Runtime converts it when it loads the graph
  }

  /** Sum, element by element; extents of 1 are repeated. */
  add(a: Value, b: Value): Value {
    return this.#elementwise("Add", a, b);
  }

  /** Difference, as {@link GraphBuilder.add}. */
  sub(a: Value, b: Value): Value {
    return this.#elementwise("Sub", a, b);
  }

  /** Product, element by element, as {@link GraphBuilder.add}. */
  mul(a: Value, b: Value): Value {
    return this.#elementwise("Mul", a, b);
  }

  /** The larger one of two, element by element. */
  max(a: Value, b: Value): Value {
    return this.#elementwise("Max", a, b);
  }

  /** Absolute values. */
  abs(x: Value): Value {
    return this.apply("Abs", [x], x);
  }

  /** Hyperbolic tangents. */
  tanh(x: Value): Value {
    return this.apply("Tanh", [x], x);
  }

  /** `max(x, 0)`. */
  relu(x: Value): Value {
    return this.apply("Relu", [x], x);
  }

  /** x * Phi(x), by the error function. */
  gelu(x: Value): Value {
    return this.apply("Gelu", [x], x, {}, "com.microsoft");
  }

  /** GELU's tanh approximation. */
  fastGelu(x: Value): Value {
    return this.apply("FastGelu", [x], x, {}, "com.microsoft");
  }

  /** x * sigmoid(1.702 x). */
  quickGelu(x: Value): Value {
    return this.apply("QuickGelu", [x], x, { alpha: float(1.702) }, "com.microsoft");
  }

  /** Over the last axis. */
  softmax(x: Value): Value {
    return this.apply("Softmax", [x], x, { axis: int(-1) });
  }

  /** `x` in another type; itself where it has it. */
  cast(x: Value, to: ElementType): Value {
    return x.type === to ? x : this.apply("Cast", [x], { type: to, dims: x.dims }, { to: int(DATA_TYPE[to]) });
  }

  /** `a [.., M, K] @ b [.., K, N] -> [.., M, N]`. */
  matMul(a: Value, b: Value): Value {
    const { M = 0, N = 0 } = bind("MatMul", [a, ".. M K"], [b, ".. K N"]);
    return this.apply("MatMul", [a, b], { type: a.type, dims: [...a.dims.slice(0, -2), M, N] });
  }

  /** PyTorch's linear layer: `x [M, K] @ weight [N, K]^T + bias [N] -> [M, N]`. */
  linear(x: Value, weight: Value, bias?: Value): Value {
    const { M = 0, N = 0 } = bind("Linear", [x, "M K"], [weight, "N K"], [bias, "N"]);
    return this.apply("Linear", bias === undefined ? [x, weight] : [x, weight, bias], { type: x.type, dims: [M, N] });
  }

  /** Rows of `table [rows, size]` at `indices [..] -> [.., size]`. */
  embedding(table: Value, indices: Value): Value {
    const { size = 0 } = bind("Embedding", [table, "rows size"], [indices, "int64 .."]);
    return this.apply("Embedding", [table, indices], { type: table.type, dims: [...indices.dims, size] });
  }

  /**
   * Scaled dot-product attention in `heads` heads (Vaswani et al., 2017, section 3.2) -> `[B, Q, D]`. A query whose keys are all masked attends to
   * all alike, as transformers' additive mask makes it.
   *
   * @param probabilities - whether the probabilities `[B, heads, Q, L]` are wanted too.
   */
  attention(
    { query, key, value, heads, mask }: AttentionInputs,
    probabilities = false,
  ): { context: Value; probabilities: Value | undefined } {
    const { B = 0, Q = 0, L = 0, D = 0 } = bind("Attention", [query, "B Q D"], [key, "B L D"], [value, "B L D"], [mask, "int32 B L"]);
    if (Number(D) % heads !== 0) mismatch("Attention", `a multiple of ${heads} heads as D`, query);
    const inputs = mask === undefined ? [query, key, value] : [query, key, value, mask];
    const results: [Result, ...Result[]] = probabilities ? [query, { type: query.type, dims: [B, heads, Q, L] }] : [query];
    const [context, second] = this.applyAll("Attention", inputs, results, { num_heads: int(heads) });
    return { context, probabilities: second };
  }

  /** Over the last axis; `scale` and `bias` have its extent. */
  layerNorm(x: Value, scale: Value, bias: Value, epsilon: number): Value {
    bind("LayerNormalization", [x, ".. D"], [scale, "D"], [bias, "D"]);
    return this.apply("LayerNormalization", [x, scale, bias], x, { axis: int(-1), epsilon: float(epsilon) });
  }

  /** The maximum along one axis, which stays with extent 1. */
  reduceMax(x: Value, axis: number): Value {
    return this.reduce("ReduceMax", x, axis);
  }

  /** What lies at `indices` along `axis`; a scalar index takes the axis away. */
  gather(x: Value, indices: Value, axis = 0): Value {
    if (indices.type !== "int64" || axis >= x.dims.length) return mismatch("Gather", `an axis ${axis} and int64 indices`, x, indices);
    const dims = [...x.dims.slice(0, axis), ...indices.dims, ...x.dims.slice(axis + 1)];
    return this.apply("Gather", [x, indices], { type: x.type, dims }, { axis: int(axis) });
  }

  /** A new shape: 0 keeps the input's extent, -1 takes what is left. */
  reshape(x: Value, shape: Value): Value {
    const wanted = contentOf("Reshape", shape).map((extent, axis) => (extent === 0 ? (x.dims[axis] ?? 0) : extent));
    const left = quotient(product(x.dims), product(wanted.filter((extent) => extent !== -1)));
    const dims = wanted.map((extent) => (extent === -1 ? left : extent));
    if (left === undefined || !isKnown(dims) || product(dims) !== product(x.dims))
      return mismatch("Reshape", `as many elements as [${wanted.join(", ")}]`, x);
    return this.apply("Reshape", [x, shape], { type: x.type, dims });
  }

  /** The axes in another order: axis i of the result is axis `permutation[i]` of `x`. */
  transpose(x: Value, permutation: readonly number[]): Value {
    const dims = permutation.map((axis) => x.dims[axis]);
    if (new Set(permutation).size !== x.dims.length || dims.length !== x.dims.length || !isKnown(dims))
      return mismatch("Transpose", `${permutation.length} axes for the permutation [${permutation.join(", ")}]`, x);
    return this.apply("Transpose", [x], { type: x.type, dims }, { perm: ints(permutation) });
  }

  /** One after the other along an axis. */
  concat(values: readonly [Value, ...Value[]], axis: number): Value {
    const [first, ...others] = values;
    const around = ({ dims }: Value): Dimension[] => dims.map((extent, i) => (i === axis ? 0 : extent));
    if (axis >= first.dims.length || others.some((other) => other.type !== first.type || !isSame(around(other), around(first))))
      return mismatch("Concat", `values that differ along axis ${axis} only`, ...values);
    const extent = others.reduce<Dimension>((total, other) => sum(total, other.dims[axis] ?? 0), first.dims[axis] ?? 0);
    const dims = first.dims.map((size, i) => (i === axis ? extent : size));
    const content = values.map((value) => value.content);
    const known = content.every((list) => list !== undefined) ? { content: content.flat() } : {};
    return this.apply("Concat", values, { type: first.type, dims, ...known }, { axis: int(axis) });
  }

  /** `x` from `start` to `end` (exclusive, at most the extent) along one axis; the bounds are tensors of one number. */
  slice(x: Value, start: Value, end: Value, axis: number): Value {
    const [[from], [to]] = [contentOf("Slice", start), contentOf("Slice", end)];
    const extent = from === 0 ? to : typeof to === "number" && typeof from === "number" ? to - from : undefined;
    const size = x.dims[axis];
    if (size === undefined || extent === undefined || (typeof extent === "number" && typeof size === "number" && extent > size))
      return mismatch("Slice", `${from} to ${to} along axis ${axis}`, x);
    return this.apply("Slice", [x, start, end, this.int64([axis])], {
      type: x.type,
      dims: x.dims.map((old, i) => (i === axis ? extent : old)),
    });
  }

  /** With axes of extent 1, which lie at `axes` of the result. */
  unsqueeze(x: Value, axes: readonly number[]): Value {
    const dims = [...x.dims];
    for (const axis of axes) dims.splice(axis, 0, 1);
    return this.apply("Unsqueeze", [x, this.int64(axes)], { type: x.type, dims });
  }

  /** `x` repeated along axes of extent 1. */
  expand(x: Value, shape: Value): Value {
    const dims = broadcast(x.dims, contentOf("Expand", shape));
    return dims === undefined
      ? mismatch("Expand", `a shape that becomes [${shape.content?.join(", ")}]`, x)
      : this.apply("Expand", [x, shape], { type: x.type, dims });
  }

  /** The shape of `x`, from axis `start` to axis `end` (exclusive; default all), as int64. */
  shape(x: Value, start = 0, end?: number): Value {
    const content = x.dims.slice(start, end);
    const attributes = { start: int(start), ...(end === undefined ? {} : { end: int(end) }) };
    return this.apply("Shape", [x], { type: "int64", dims: [content.length], content }, attributes);
  }

  /** Any operator, by its name; the result's type and shape are the caller's to know. */
  apply(
    opType: string,
    inputs: readonly (Value | undefined)[],
    result: Result,
    attributes: Readonly<Record<string, Attribute>> = {},
    domain = "",
  ): Value {
    return this.applyAll(opType, inputs, [result], attributes, domain)[0];
  }

  /** The same for an operator of several results. */
  applyAll(
    opType: string,
    inputs: readonly (Value | undefined)[],
    results: readonly [Result, ...Result[]],
    attributes: Readonly<Record<string, Attribute>> = {},
    domain = "",
  ): [Value, ...Value[]] {
    const name = `${opType}_${this.#nodes.length}`;
    const [first, ...others] = results;
    const outputs: [Value, ...Value[]] = [
      this.#value({ ...first, name }),
      ...others.map((result, i) => this.#value({ ...result, name: `${name}_${i + 1}` })),
    ];
    this.#nodes.push({
      opType,
      domain,
      inputs: inputs.map((input) => input?.name ?? ""),
      outputs: outputs.map((output) => output.name),
      attributes,
    });
    return outputs;
  }

  #elementwise(opType: string, a: Value, b: Value): Value {
    const dims = broadcast(a.dims, b.dims);
    if (dims === undefined || a.type !== b.type) return mismatch(opType, "two tensors of one type and of shapes that broadcast", a, b);
    return this.apply(opType, [a, b], { type: a.type, dims });
  }

  /** An operator such as `ReduceMean` along one axis, which stays with extent 1. */
  reduce(opType: string, x: Value, axis: number): Value {
    const reduced = axis < 0 ? axis + x.dims.length : axis;
    if (x.dims[reduced] === undefined) return mismatch(opType, `an axis ${axis}`, x);
    return this.apply(opType, [x, this.int64([axis])], { type: x.type, dims: x.dims.map((extent, i) => (i === reduced ? 1 : extent)) });
  }

  #value(value: Value): Value {
    this.#values.set(value.name, value);
    return value;
  }
}
