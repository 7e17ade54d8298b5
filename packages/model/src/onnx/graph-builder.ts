/**
 * Builds a graph operator by operator, so that a forward pass reads as equations: each method applies one operator and
 * returns the name of its result. Shapes are the caller's to keep in mind, and in the margin.
 */
import type { TensorReference, WeightDtype } from "../weights/tensor-reference.js";
import { DATA_TYPE, encodeModel } from "./encode-model.js";
import type { Attribute, Dimension, ElementType, ExternalData, Initializer, Node, OpsetVersion, ValueInfo } from "./ir.js";

/** A tensor in the graph under construction, by name. */
export type Value = string;

/**
 * What is to compute a graph. For a `gpu` it has only operators that ONNX Runtime's WebGPU provider has too, so that no tensor leaves the device
 * between its nodes; with `gpu-half` everything between its inputs and its outputs is in half precision.
 */
export type GraphTarget = "cpu" | "gpu" | "gpu-half";

/** A weight quantised in blocks along K: uint8 `[N, K / blockSize, blockSize / 2]`, scales `[N · K / blockSize]`, uint8, and the layer's bias. */
export interface BlockWeight {
  readonly values: Value;
  readonly scales: Value;
  readonly zeroPoints: Value;
  readonly bias: Value | undefined;
}

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
  /** The model once more, with its weights at other places. */
  relocated(place: (weight: ExternalData) => ExternalData): Uint8Array;
  /** The graph for another target: same inputs, outputs and weights. An export that was cut stays as it is. */
  builtFor(target: GraphTarget): EncodedGraph;
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
  /** What is to compute the graph. */
  readonly target: GraphTarget;
  /** The number format that is computed in. */
  readonly computeType: "float32" | "float16";
  readonly #name: string;
  readonly #inputs: ValueInfo[] = [];
  readonly #outputs: ValueInfo[] = [];
  readonly #initializers: Map<string, Initializer> = new Map();
  readonly #nodes: Node[] = [];
  readonly #values: ValueInfo[] = [];
  readonly #files: Set<string> = new Set();
  #opset: OpsetVersion = 18;

  constructor(name: string, target: GraphTarget) {
    this.#name = name;
    this.target = target;
    this.computeType = target === "gpu-half" ? "float16" : "float32";
  }

  /** An input of the graph; numbers come in float32 whatever is computed in. */
  input(name: string, type: "float32" | "int64", dims: readonly Dimension[]): Value {
    this.#inputs.push({ name, type, dims });
    return type === "float32" ? this.computed(name, type) : name;
  }

  /** An output of the graph, in float32 whatever was computed in. */
  output(name: string, value: Value, dims: readonly Dimension[]): void {
    const copy =
      this.computeType === "float32"
        ? { opType: "Identity", attributes: {} }
        : { opType: "Cast", attributes: { to: int(DATA_TYPE.float32) } };
    this.#nodes.push({ ...copy, domain: "", inputs: [value], outputs: [name] });
    this.#outputs.push({ name, type: "float32", dims });
  }

  /** `x`, which is of this type, in the number format that is computed in. */
  computed(x: Value, type: ElementType): Value {
    return type === this.computeType ? x : this.cast(x, this.computeType);
  }

  /** A floating-point tensor of the checkpoint, by reference, in the number format that is computed in: ONNX Runtime converts it when it loads the graph. */
  computedWeight(name: string, reference: TensorReference): Value {
    return this.computed(this.weight(name, reference), storedType(name, reference.dtype));
  }

  /** Rows of a floating-point table of the checkpoint at `indices`, in the number format that is computed in; on the CPU only they are converted. */
  computedRows(name: string, reference: TensorReference, indices: Value): Value {
    // A GPU without half precision can not even gather it.
    if (this.target === "gpu") return this.gather(this.computedWeight(name, reference), indices);
    return this.computed(this.gather(this.weight(name, reference), indices), storedType(name, reference.dtype));
  }

  /** A tensor of the checkpoint, by reference, in the number format in which it is stored. */
  weight(name: string, { dtype, shape, file, byteOffset, byteLength, bytes }: TensorReference): Value {
    const type = storedType(name, dtype);
    if (bytes === undefined) this.#files.add(file);
    const data = bytes ?? { location: file, offset: byteOffset, length: byteLength };
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

  /** One number in the number format that is computed in. */
  number(value: number): Value {
    const name = `float32_${value}`;
    this.#initializers.set(name, { name, type: "float32", dims: [], data: new Uint8Array(Float32Array.of(value).buffer) });
    return this.computed(name, "float32"); // ONNX Runtime converts it when it loads the graph
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
    return this.#apply("MatMulIntegerToFloat", [a, weight, this.number(1), scale, zeroPoint], {}, "com.microsoft");
  }

  /**
   * The linear layer with a weight of 4 bits an element, in blocks of `blockSize` along K, each with its scale and zero point:
   * `x [M, K] -> [M, N]`. What multiplies is int8 where the processor has instructions for it, else float32.
   */
  matMulBlocks(x: Value, { values, scales, zeroPoints, bias }: BlockWeight, [K, N]: readonly [number, number], blockSize: number): Value {
    const attributes = { K: int(K), N: int(N), bits: int(4), block_size: int(blockSize), accuracy_level: int(4) };
    return this.#apply("MatMulNBits", [x, values, scales, zeroPoints, "", bias ?? ""], attributes, "com.microsoft");
  }

  /**
   * `round(x [M, K] / scale [M, 1]) + zeroPoint [M, 1]`, row by row, as uint8, halves to even, cut to [0, 255]. A row as a block of its elements: ONNX Runtime
   * computes blocks side by side, but one index of an axis after the other.
   */
  quantizeRows(x: Value, K: number, scale: Value, zeroPoint: Value): Value {
    this.#opset = 21;
    return this.#apply("QuantizeLinear", [x, scale, zeroPoint], { axis: int(1), block_size: int(K) });
  }

  /** int8 `weight [K, N]` times float32 `scale [N]`, in the number format that is computed in. */
  dequantize(weight: Value, scale: Value): Value {
    return this.computed(this.#apply("DequantizeLinear", [weight, scale], { axis: int(1) }), "float32");
  }

  /** Rows of uint8 `table [rows, size]` around 128 times `scales [rows, size / blockSize]`, at `indices [..] -> [.., size]`. */
  gatherBlocks(table: Value, indices: Value, scales: Value, blockSize: number): Value {
    const attributes = { bits: int(8), block_size: int(blockSize), gather_axis: int(0), quantize_axis: int(1) };
    return this.#apply("GatherBlockQuantized", [table, indices, scales], attributes, "com.microsoft");
  }

  abs(x: Value): Value {
    return this.#apply("Abs", [x]);
  }

  /** The greatest element along one axis, which stays with extent 1. */
  reduceMax(x: Value, axis: number): Value {
    return this.#apply("ReduceMax", [x, this.int64([axis])]);
  }

  /** The greater one of two, element by element. */
  max(a: Value, b: Value): Value {
    return this.#apply("Max", [a, b]);
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

  /**
   * A new shape: 0 keeps the input's extent, -1 takes what is left.
   *
   * @param dims - of a result in {@link GraphBuilder.computeType}, where ONNX Runtime cannot infer them. With a name for each extent it sees which tensors are of one size:
   *   it then takes their memory again, and loads a graph faster, for it looks for such a tensor among all that went before.
   */
  reshape(x: Value, shape: Value, dims?: readonly Dimension[]): Value {
    const name = this.#apply("Reshape", [x, shape]);
    if (dims !== undefined) this.#values.push({ name, type: this.computeType, dims });
    return name;
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

  /**
   * The finished graph.
   *
   * @param builtFor - builds it for another target.
   */
  encode(builtFor: (target: GraphTarget) => EncodedGraph): EncodedGraph {
    const initializers = [...this.#initializers.values()];
    const [name, nodes] = [this.#name, this.#nodes];
    const [inputs, outputs, values, opset] = [this.#inputs, this.#outputs, this.#values, this.#opset];
    const relocated = (place: (weight: ExternalData) => ExternalData): Uint8Array => {
      const moved = initializers.map((initializer) =>
        initializer.data instanceof Uint8Array ? initializer : { ...initializer, data: place(initializer.data) },
      );
      return encodeModel({ opset, name, inputs, outputs, initializers: moved, nodes, values });
    };
    const names = (infos: readonly ValueInfo[]): string[] => infos.map((info) => info.name);
    let model: Uint8Array | undefined;
    return {
      // When it is first asked for: whether a checkpoint fits shows without it, and most of the time goes here.
      get model() {
        return (model ??= encodeModel({ opset, name, inputs, outputs, initializers, nodes, values }));
      },
      files: [...this.#files],
      inputs: names(inputs),
      outputs: names(outputs),
      relocated,
      builtFor,
    };
  }

  #apply(opType: string, inputs: readonly Value[], attributes: Readonly<Record<string, Attribute>> = {}, domain = ""): Value {
    const name = `${opType}_${this.#nodes.length}`;
    this.#nodes.push({ opType, domain, inputs, outputs: [name], attributes });
    return name;
  }
}

function storedType(name: string, dtype: WeightDtype): ElementType {
  const type = STORED_TYPES.get(dtype);
  if (type === undefined)
    throw new TypeError(`weight: expected a dtype of ${[...STORED_TYPES.keys()].join(", ")} in ${name}, got ${dtype}`);
  return type;
}

/** The most negative float32, which hides a key: torch's `finfo(float32).min`. */
export const FLOAT32_LOWEST: number = -3.4028234663852886e38;
