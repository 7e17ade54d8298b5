/**
 * Builds a graph operator by operator, so that a forward pass reads as equations: each method applies one operator and
 * returns the name of its result. Shapes are the caller's to keep in mind, and in the margin.
 */
import type { TensorReference, WeightDtype } from "../weights/tensor-reference.js";
import { DATA_TYPE, encodeModel } from "./encode-model.js";
import type { Attribute, Dimension, ElementType, ExternalData, Initializer, Node, ValueInfo } from "./ir.js";

/** A tensor in the graph under construction, by name. */
export type Value = string;

/** A weight quantised in blocks along K: uint8 `[N, K / blockSize, blockSize / 2]`, float32 `[N · K / blockSize]`, uint8, and the layer's bias. */
export interface BlockWeight {
  readonly values: Value;
  readonly scales: Value;
  readonly zeroPoints: Value;
  readonly bias: Value | undefined;
}

/** Other operators for the same result, and the constants that they take. */
export type RewriteNodes = (nodes: readonly Node[]) => { readonly nodes: readonly Node[]; readonly initializers: readonly Initializer[] };

/** A graph ready for a session. */
export interface EncodedGraph {
  /** The model as ONNX protobuf; weights are external data whose `location` is a checkpoint file's name. */
  readonly model: Uint8Array;
  /** The checkpoint files that the weights lie in. */
  readonly files: readonly string[];
  /** Names of the graph's inputs. */
  readonly inputs: readonly string[];
  /** Names of the graph's outputs. */
  readonly outputs: readonly string[];
  /**
   * The model once more, with its weights at other places.
   *
   * @param rewrite - changes the operators on the way, for a runtime that lacks one. An export that was cut stays as it is.
   */
  relocated(place: (weight: ExternalData) => ExternalData, rewrite?: RewriteNodes): Uint8Array;
}

const int = (value: number): Attribute => ({ kind: "int", value });
const float = (value: number): Attribute => ({ kind: "float", value });
const ints = (value: readonly number[]): Attribute => ({ kind: "ints", value });
const string = (value: string): Attribute => ({ kind: "string", value });

/** Which stored number formats a graph can read, and what ONNX calls them. */
const STORED_TYPES: ReadonlyMap<WeightDtype, ElementType> = new Map([
  ["I8", "int8"],
  ["U8", "uint8"],
  ["F32", "float32"],
  ["F16", "float16"],
  ["BF16", "bfloat16"],
  ["F64", "float64"],
]);

/** One graph under construction. */
export class GraphBuilder {
  readonly #name: string;
  readonly #inputs: ValueInfo[] = [];
  readonly #outputs: ValueInfo[] = [];
  readonly #initializers: Map<string, Initializer> = new Map();
  readonly #nodes: Node[] = [];
  readonly #files: Set<string> = new Set();

  constructor(name: string) {
    this.#name = name;
  }

  input(name: string, type: ElementType, dims: readonly Dimension[]): Value {
    this.#inputs.push({ name, type, dims });
    return name;
  }

  output(name: string, value: Value, dims: readonly Dimension[]): void {
    this.#nodes.push({ opType: "Identity", domain: "", inputs: [value], outputs: [name], attributes: {} });
    this.#outputs.push({ name, type: "float32", dims });
  }

  /** A tensor of the checkpoint, by reference, in the number format in which it is stored. */
  weight(name: string, { dtype, shape, file, byteOffset, byteLength }: TensorReference): Value {
    const type = STORED_TYPES.get(dtype);
    if (type === undefined)
      throw new TypeError(`weight: expected a dtype of ${[...STORED_TYPES.keys()].join(", ")} in ${name}, got ${dtype}`);
    this.#files.add(file);
    const data = { location: file, offset: byteOffset, length: byteLength };
    this.#initializers.set(name, { name, type, dims: shape, data });
    return name;
  }

  /** A list of whole numbers, such as a shape; one number without a list makes a scalar. */
  int64(values: readonly number[] | number): Value {
    const list = typeof values === "number" ? [values] : values;
    const name = typeof values === "number" ? `int64_${values}` : `int64[${list.join(",")}]`;
    const data = new Uint8Array(BigInt64Array.from(list, BigInt).buffer);
    this.#initializers.set(name, { name, type: "int64", dims: typeof values === "number" ? [] : [list.length], data });
    return name;
  }

  /** One uint8 number. */
  uint8(value: number): Value {
    const name = `uint8_${value}`;
    this.#initializers.set(name, { name, type: "uint8", dims: [], data: Uint8Array.of(value) });
    return name;
  }

  /** One float32 number. */
  float32(value: number): Value {
    const name = `float32_${value}`;
    this.#initializers.set(name, { name, type: "float32", dims: [], data: new Uint8Array(Float32Array.of(value).buffer) });
    return name;
  }

  add(a: Value, b: Value): Value {
    return this.#apply("Add", [a, b]);
  }

  sub(a: Value, b: Value): Value {
    return this.#apply("Sub", [a, b]);
  }

  mul(a: Value, b: Value): Value {
    return this.#apply("Mul", [a, b]);
  }

  tanh(x: Value): Value {
    return this.#apply("Tanh", [x]);
  }

  relu(x: Value): Value {
    return this.#apply("Relu", [x]);
  }

  /** x * Phi(x), by the error function. */
  gelu(x: Value): Value {
    return this.#apply("Gelu", [x], {}, "com.microsoft");
  }

  /** GELU's tanh approximation. */
  fastGelu(x: Value): Value {
    return this.#apply("FastGelu", [x], {}, "com.microsoft");
  }

  /** x * sigmoid(1.702 x). */
  quickGelu(x: Value): Value {
    return this.#apply("QuickGelu", [x], { alpha: float(1.702) }, "com.microsoft");
  }

  /** `a [.., M, K] @ b [.., K, N] -> [.., M, N]`. */
  matMul(a: Value, b: Value): Value {
    return this.#apply("MatMul", [a, b]);
  }

  /** PyTorch's linear layer: `x [M, K] @ weight [N, K]^T + bias [N] -> [M, N]`; with `transposed` the weight is `[K, N]`. */
  linear(x: Value, weight: Value, bias?: Value, transposed = false): Value {
    return this.#apply("Gemm", bias === undefined ? [x, weight] : [x, weight, bias], { transB: int(transposed ? 0 : 1) });
  }

  /** `a [M, K]` of uint8 around `zeroPoint`, times int8 `weight [K, N]`, times float32 `scale [N]` -> float32 `[M, N]`. */
  matMulInteger(a: Value, zeroPoint: Value, weight: Value, scale: Value): Value {
    return this.#apply("MatMulIntegerToFloat", [a, weight, this.float32(1), scale, zeroPoint], {}, "com.microsoft");
  }

  /**
   * The linear layer with a weight of 4 bits an element, in blocks of `blockSize` along K, each with its scale and zero point:
   * `x [M, K] -> [M, N]`. What multiplies is int8 where the processor has instructions for it, else float32.
   */
  matMulBlocks(x: Value, { values, scales, zeroPoints, bias }: BlockWeight, [K, N]: readonly [number, number], blockSize: number): Value {
    const attributes = { K: int(K), N: int(N), bits: int(4), block_size: int(blockSize), accuracy_level: int(4) };
    return this.#apply("MatMulNBits", [x, values, scales, zeroPoints, "", bias ?? ""], attributes, "com.microsoft");
  }

  /** `round(x [M, K] / scale [M]) + zeroPoint`, row by row, as uint8, halves to even, cut to [0, 255]; the zero point is a uint8 `[M]`. */
  quantizeRows(x: Value, scale: Value, zeroPoint: Value): Value {
    return this.#apply("QuantizeLinear", [x, scale, zeroPoint], { axis: int(0) });
  }

  abs(x: Value): Value {
    return this.#apply("Abs", [x]);
  }

  /** The greatest element along one axis, which goes away. */
  max(x: Value, axis: number): Value {
    return this.#apply("ReduceMax", [x, this.int64([axis])], { keepdims: int(0) });
  }

  softmax(x: Value): Value {
    return this.#apply("Softmax", [x], { axis: int(-1) });
  }

  layerNorm(x: Value, scale: Value, bias: Value, epsilon: number): Value {
    return this.#apply("LayerNormalization", [x, scale, bias], { axis: int(-1), epsilon: float(epsilon) });
  }

  /** Convolution: `x [B, C, H, W]`, `weight [D, C, kernel, kernel]` -> `[B, D, H', W']`, with `padding` zeros on every side. */
  conv(x: Value, weight: Value, kernel: number, stride: number, padding = 0): Value {
    const pads = ints([padding, padding, padding, padding]);
    return this.#apply("Conv", [x, weight], { kernel_shape: ints([kernel, kernel]), strides: ints([stride, stride]), pads });
  }

  /** Batch normalisation by running statistics; ONNX Runtime folds it into the convolution before it. */
  batchNorm(x: Value, scale: Value, bias: Value, mean: Value, variance: Value, epsilon: number): Value {
    return this.#apply("BatchNormalization", [x, scale, bias, mean, variance], { epsilon: float(epsilon) });
  }

  /** The mean over each `size x size` window, side by side: `[B, C, H, W] -> [B, C, H / size, W / size]`. */
  averagePool(x: Value, size: number): Value {
    return this.#apply("AveragePool", [x], { kernel_shape: ints([size, size]), strides: ints([size, size]) });
  }

  /** The mean along one axis, which stays with extent 1. */
  mean(x: Value, axis: number): Value {
    return this.#apply("ReduceMean", [x, this.int64([axis])]);
  }

  /** Rows of `table` along `axis`; a scalar index takes the axis away. */
  gather(table: Value, indices: Value, axis = 0): Value {
    return this.#apply("Gather", [table, indices], { axis: int(axis) });
  }

  /** A new shape: 0 keeps the input's extent, -1 takes what is left. */
  reshape(x: Value, shape: Value): Value {
    return this.#apply("Reshape", [x, shape]);
  }

  transpose(x: Value, permutation: readonly number[]): Value {
    return this.#apply("Transpose", [x], { perm: ints(permutation) });
  }

  concat(values: readonly Value[], axis: number): Value {
    return this.#apply("Concat", values, { axis: int(axis) });
  }

  /** `x` from `start` to `end` (exclusive) along one axis; the bounds are tensors of one number. */
  slice(x: Value, start: Value, end: Value, axis: number): Value {
    return this.#apply("Slice", [x, start, end, this.int64([axis])]);
  }

  unsqueeze(x: Value, axes: readonly number[]): Value {
    return this.#apply("Unsqueeze", [x, this.int64(axes)]);
  }

  expand(x: Value, shape: Value): Value {
    return this.#apply("Expand", [x, shape]);
  }

  cast(x: Value, to: ElementType): Value {
    return this.#apply("Cast", [x], { to: int(DATA_TYPE[to]) });
  }

  /** The shape of `x`, from axis `start` to axis `end` (exclusive; default all), as int64. */
  shape(x: Value, start = 0, end?: number): Value {
    return this.#apply("Shape", [x], { start: int(start), ...(end === undefined ? {} : { end: int(end) }) });
  }

  /**
   * Bicubic interpolation to `sizes`, as `torch.nn.functional.interpolate(mode="bicubic", align_corners=False)`: a = -0.75,
   * no antialiasing, borders repeated.
   */
  resizeBicubic(x: Value, sizes: Value): Value {
    return this.#apply("Resize", [x, "", "", sizes], {
      mode: string("cubic"),
      cubic_coeff_a: float(-0.75),
      coordinate_transformation_mode: string("half_pixel"),
    });
  }

  /**
   * Fused attention: `query [B, Q, D]`, `key` and `value [B, L, D]`, `mask` int32 `[B, L]` (0 hides a key) -> `[B, Q, D]`.
   * A row whose keys are all hidden attends to all alike, as transformers' additive mask makes it.
   */
  multiHeadAttention(query: Value, key: Value, value: Value, heads: number, mask?: Value): Value {
    const inputs = mask === undefined ? [query, key, value] : [query, key, value, "", mask];
    return this.#apply("MultiHeadAttention", inputs, { num_heads: int(heads), mask_filter_value: float(FLOAT32_LOWEST) }, "com.microsoft");
  }

  /** The finished graph. */
  encode(): EncodedGraph {
    const initializers = [...this.#initializers.values()];
    const [name, nodes] = [this.#name, this.#nodes];
    const [inputs, outputs] = [this.#inputs, this.#outputs];
    const relocated = (place: (weight: ExternalData) => ExternalData, rewrite?: RewriteNodes): Uint8Array => {
      const moved = initializers.map((initializer) =>
        initializer.data instanceof Uint8Array ? initializer : { ...initializer, data: place(initializer.data) },
      );
      const rewritten = rewrite?.(nodes) ?? { nodes, initializers: [] };
      return encodeModel({ name, inputs, outputs, initializers: [...moved, ...rewritten.initializers], nodes: rewritten.nodes });
    };
    const names = (values: readonly ValueInfo[]): string[] => values.map((value) => value.name);
    const model = encodeModel({ name, inputs, outputs, initializers, nodes });
    return { model, files: [...this.#files], inputs: names(inputs), outputs: names(outputs), relocated };
  }

  #apply(opType: string, inputs: readonly Value[], attributes: Readonly<Record<string, Attribute>> = {}, domain = ""): Value {
    const name = `${opType}_${this.#nodes.length}`;
    this.#nodes.push({ opType, domain, inputs, outputs: [name], attributes });
    return name;
  }
}

/** The most negative float32, which hides a key: torch's `finfo(float32).min`. */
export const FLOAT32_LOWEST: number = -3.4028234663852886e38;
