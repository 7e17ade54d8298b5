/**
 * One transformer layer in int8 or 4 bits. A few channels of a trained transformer's states are tens of times larger than the rest, and
 * would take all the steps that a row has. So what a linear layer in int8 reads is divided channel by channel before it is quantised, and the weight
 * multiplied (SmoothQuant, Xiao et al., 2022, section 4): where a LayerNorm or another linear layer comes directly before, the division is moved
 * into its parameters and costs nothing; in BERT, whose LayerNorms also feed the residual, it is a vector `input_scale`. In 4 bits, where it is the
 * weights that lack steps and not the inputs, such channels get weights that are nearly exact instead (`int4-matrix.ts`).
 *
 * In the image tower, whose states are normalised only where they are read, what writes to such a channel errs as much more as it is larger, and every
 * later layer reads it: there these layers stay in int8 when the rest is in 4 bits.
 */
import type { Checkpoint } from "../weights/checkpoint.js";
import { INT4_BLOCK_SIZE } from "../graph/stored-parameter.js";
import type { TensorHeader } from "../weights/safetensors-header.js";
import type { ConversionStep, TowerDtype } from "./conversion-step.js";
import { quantizeInt4 } from "./int4-matrix.js";
import { quantizeInt8 } from "./int8-matrix.js";
import { columnSquares, rowSquares, sums, throughLayerNorm, throughLinear } from "./residual-estimate.js";

/** The image tower's layers that write to its states. */
const ALWAYS_INT8 = /\.(?:out_proj|fc2)$/u;

/** The mean squares of the states that go into the next layer; each layer's step takes them and leaves its own. */
export interface States {
  squares: () => Promise<Float32Array>;
}

/** A linear layer's parameters, or a LayerNorm's. */
interface Parameters {
  readonly weight: Float32Array;
  readonly bias: Float32Array;
}

/** The mean squares of the word embedding's columns, where its own conversion has left them. */
export interface WordSquares {
  squares?: Float32Array;
}

/** BERT's states before the first layer: after the embeddings' LayerNorm. */
export function bertStart(checkpoint: Checkpoint, words: WordSquares): States {
  const read = (name: string): Promise<Float32Array> => readAll(checkpoint, `text_model.embeddings.${name}`);
  return {
    async squares() {
      const table = words.squares === undefined ? await read("word_embeddings.weight") : new Float32Array();
      const [positions, types] = [await read("position_embeddings.weight"), await read("token_type_embeddings.weight")];
      const norm = { weight: await read("LayerNorm.weight"), bias: await read("LayerNorm.bias") };
      const size = norm.weight.length;
      const ofWords = words.squares ?? columnSquares(table, size);
      const embedded = sums(ofWords, columnSquares(positions, size), columnSquares(types.subarray(0, size), size));
      return throughLayerNorm(embedded, norm.weight, norm.bias);
    },
  };
}

/** The vision transformer's states before the first block: after the LayerNorm in front. Pixels are normalised, so of mean square 1. */
export function visionStart(checkpoint: Checkpoint): States {
  const read = (name: string): Promise<Float32Array> => readAll(checkpoint, `vision_model.${name}`);
  return {
    async squares() {
      const norm = { weight: await read("pre_layrnorm.weight"), bias: await read("pre_layrnorm.bias") };
      const size = norm.weight.length;
      const patches = rowSquares(await read("embeddings.patch_embedding.weight"), size);
      const embedded = sums(columnSquares(await read("embeddings.position_embedding.weight"), size), patches);
      return throughLayerNorm(embedded, norm.weight, norm.bias);
    },
  };
}

/** A block of the vision transformer: `x = x + attention(LN(x))`, `x = x + mlp(LN(x))`. */
export function visionLayerStep(checkpoint: Checkpoint, layer: string, dtype: TowerDtype, states: States): ConversionStep {
  const parts = new LayerParts(checkpoint, layer, dtype);
  const headers = [
    ...parts.normHeaders("layer_norm1"),
    ...["q_proj", "k_proj", "v_proj", "out_proj"].flatMap((name) => parts.linearHeaders(`self_attn.${name}`)),
    ...parts.normHeaders("layer_norm2"),
    ...parts.linearHeaders("mlp.fc1"),
    ...parts.linearHeaders("mlp.fc2"),
  ];
  return {
    tensors: headers,
    async make() {
      const before = await states.squares();
      const norm1 = await parts.read("layer_norm1");
      const [query, key, value, out] = [
        await parts.read("self_attn.q_proj"),
        await parts.read("self_attn.k_proj"),
        await parts.read("self_attn.v_proj"),
        await parts.read("self_attn.out_proj"),
      ];
      const queryInput = throughLayerNorm(before, norm1.weight, norm1.bias);
      const scale1 = parts.inputScale("self_attn.q_proj", queryInput, [query, key, value]);
      const context = throughLinear(queryInput, value.weight, value.bias);
      const contextScale = parts.inputScale("self_attn.out_proj", context, [out]);
      const residual = sums(before, throughLinear(context, out.weight, out.bias));

      const norm2 = await parts.read("layer_norm2");
      const [inner, output] = [await parts.read("mlp.fc1"), await parts.read("mlp.fc2")];
      const feeding = throughLayerNorm(residual, norm2.weight, norm2.bias);
      const scale2 = parts.inputScale("mlp.fc1", feeding, [inner]);
      const acting = activated(throughLinear(feeding, inner.weight, inner.bias));
      const after = sums(residual, throughLinear(acting, output.weight, output.bias));
      states.squares = () => Promise.resolve(after);

      return [
        ...divided(norm1, scale1),
        ...parts.quantize("self_attn.q_proj", query, queryInput, scale1),
        ...parts.quantize("self_attn.k_proj", key, queryInput, scale1),
        ...parts.quantize("self_attn.v_proj", dividedRows(value, contextScale), queryInput, scale1),
        ...parts.quantize("self_attn.out_proj", out, context, contextScale),
        ...divided(norm2, scale2),
        ...parts.quantize("mlp.fc1", inner, feeding, scale2),
        ...parts.quantize("mlp.fc2", output, acting),
      ];
    },
  };
}

/** A layer of BERT: `x = LN(x + attention(x))`, `x = LN(x + mlp(x))`. */
export function bertLayerStep(checkpoint: Checkpoint, layer: string, dtype: TowerDtype, states: States): ConversionStep {
  const parts = new LayerParts(checkpoint, layer, dtype);
  const headers = [
    ...parts.inputScaleHeaders("attention.self", "query"),
    ...["query", "key", "value"].flatMap((name) => parts.linearHeaders(`attention.self.${name}`)),
    ...parts.linearHeaders("attention.output.dense"),
    ...parts.normHeaders("attention.output.LayerNorm"),
    ...parts.inputScaleHeaders("intermediate", "dense"),
    ...parts.linearHeaders("intermediate.dense"),
    ...parts.linearHeaders("output.dense"),
    ...parts.normHeaders("output.LayerNorm"),
  ];
  return {
    tensors: headers,
    async make() {
      const before = await states.squares();
      const [query, key, value, out] = [
        await parts.read("attention.self.query"),
        await parts.read("attention.self.key"),
        await parts.read("attention.self.value"),
        await parts.read("attention.output.dense"),
      ];
      const norm1 = await parts.read("attention.output.LayerNorm");
      const scale1 = parts.inputScale("attention.self.query", before, [query, key, value]);
      const context = throughLinear(before, value.weight, value.bias);
      const contextScale = parts.inputScale("attention.output.dense", context, [out]);
      const residual = throughLayerNorm(sums(before, throughLinear(context, out.weight, out.bias)), norm1.weight, norm1.bias);

      const [inner, output] = [await parts.read("intermediate.dense"), await parts.read("output.dense")];
      const norm2 = await parts.read("output.LayerNorm");
      const scale2 = parts.inputScale("intermediate.dense", residual, [inner]);
      const acting = activated(throughLinear(residual, inner.weight, inner.bias));
      const written = throughLinear(acting, output.weight, output.bias);
      const after = throughLayerNorm(sums(residual, written), norm2.weight, norm2.bias);
      states.squares = () => Promise.resolve(after);

      return [
        ...inverse(scale1),
        ...parts.quantize("attention.self.query", query, before, scale1),
        ...parts.quantize("attention.self.key", key, before, scale1),
        ...parts.quantize("attention.self.value", dividedRows(value, contextScale), before, scale1),
        ...parts.quantize("attention.output.dense", out, context, contextScale),
        norm1.weight,
        norm1.bias,
        ...inverse(scale2),
        ...parts.quantize("intermediate.dense", inner, residual, scale2),
        ...parts.quantize("output.dense", output, acting),
        norm2.weight,
        norm2.bias,
      ];
    },
  };
}

/** One layer's tensors: their headers, and their bytes in the same order. */
class LayerParts {
  readonly #checkpoint: Checkpoint;
  readonly #layer: string;
  readonly #dtype: TowerDtype;

  constructor(checkpoint: Checkpoint, layer: string, dtype: TowerDtype) {
    this.#checkpoint = checkpoint;
    this.#layer = layer;
    this.#dtype = dtype;
  }

  async read(name: string): Promise<Parameters> {
    const full = `${this.#layer}.${name}`;
    return { weight: await readAll(this.#checkpoint, `${full}.weight`), bias: await readAll(this.#checkpoint, `${full}.bias`) };
  }

  normHeaders(name: string): TensorHeader[] {
    const shape = this.#shape(`${name}.weight`);
    return ["weight", "bias"].map((part) => ({ name: `${this.#layer}.${name}.${part}`, dtype: "F32", shape }));
  }

  linearHeaders(name: string): TensorHeader[] {
    const [N = 0, K = 0] = this.#shape(`${name}.weight`);
    const header = (part: string, dtype: TensorHeader["dtype"], shape: readonly number[]): TensorHeader => ({
      name: `${this.#layer}.${name}.${part}`,
      dtype,
      shape,
    });
    const bias = header("bias", "F32", [N]);
    if (!this.#inBlocks(name)) return [bias, header("weight_scale", "F32", [N]), header("weight_int8", "I8", [K, N])];
    const blocks = K / INT4_BLOCK_SIZE;
    return [
      bias,
      header("weight_scale", "F16", [N * blocks]),
      header("weight_zero_point", "U8", [N * Math.ceil(blocks / 2)]),
      header("weight_int4", "U8", [N, blocks, INT4_BLOCK_SIZE / 2]),
    ];
  }

  /** A linear layer's bytes, as {@link LayerParts.linearHeaders} has them. */
  quantize(name: string, { weight, bias }: Parameters, squares: Float32Array, scale?: Float32Array): ArrayBufferView[] {
    const shape = [bias.length, squares.length] as const;
    if (!this.#inBlocks(name)) {
      const { values, scales } = quantizeInt8(weight, shape, scale);
      return [bias, scales, values];
    }
    const { values, scales, zeroPoints } = quantizeInt4(weight, shape, squares, INT4_BLOCK_SIZE);
    return [bias, scales, zeroPoints, values];
  }

  /** What the inputs of some layers, which are quantised as `name` is, are to be divided by: nothing in 4 bits. */
  inputScale(name: string, squares: Float32Array, layers: readonly Parameters[]): Float32Array | undefined {
    return this.#inBlocks(name) ? undefined : smoothingScale(squares, layers);
  }

  inputScaleHeaders(name: string, of: string): TensorHeader[] {
    if (this.#inBlocks(`${name}.${of}`)) return [];
    return [{ name: `${this.#layer}.${name}.input_scale`, dtype: "F32", shape: [this.#shape(`${name}.${of}.weight`)[1] ?? 0] }];
  }

  #inBlocks(name: string): boolean {
    const [, K = 0] = this.#shape(`${name}.weight`);
    return this.#dtype === "q4" && K % INT4_BLOCK_SIZE === 0 && !ALWAYS_INT8.test(name);
  }

  #shape(name: string): readonly number[] {
    return this.#checkpoint.tensors.get(`${this.#layer}.${name}`)?.shape ?? [];
  }
}

function readAll(checkpoint: Checkpoint, name: string): Promise<Float32Array> {
  return checkpoint.values(name, checkpoint.tensors.get(name)?.shape ?? []);
}

/**
 * What each input channel is to be divided by: the square root of its size over that of the weights that take it, which makes both as hard to
 * quantise (SmoothQuant's alpha of 0.5), around a mean of 1.
 */
function smoothingScale(squares: Float32Array, layers: readonly Parameters[]): Float32Array {
  const K = squares.length;
  const maxima = new Float32Array(K);
  for (const { weight } of layers) {
    for (let row = 0; row < weight.length; row += K)
      for (let k = 0; k < K; k++) {
        const value = weight[row + k]!;
        if (value > maxima[k]!) maxima[k] = value;
        else if (-value > maxima[k]!) maxima[k] = -value;
      }
  }
  const ratio = squares.map((square, k) => {
    const [a, w] = [Math.sqrt(square), maxima[k]!];
    return w > 0 ? Math.sqrt(a / w) : 0;
  });
  const mean = ratio.reduce((a, b) => a + b, 0) / K;
  // A channel that is nothing, or that nothing takes, is left as it is.
  return ratio.map((value) => (value > 0 ? Math.max(value / mean, LEAST_SCALE) : 1));
}

/** A LayerNorm whose outputs are divided by `scale`. */
function divided({ weight, bias }: Parameters, scale: Float32Array | undefined): Float32Array[] {
  if (scale === undefined) return [weight, bias];
  return [weight.map((value, i) => value / scale[i]!), bias.map((value, i) => value / scale[i]!)];
}

/** A linear layer whose outputs are divided by `scale`. */
function dividedRows({ weight, bias }: Parameters, scale: Float32Array | undefined): Parameters {
  if (scale === undefined) return { weight, bias };
  const K = weight.length / bias.length;
  const rows = new Float32Array(weight.length);
  for (const [n, divisor] of scale.entries()) for (let at = n * K; at < (n + 1) * K; at++) rows[at] = weight[at]! / divisor;
  return { weight: rows, bias: bias.map((value, n) => value / scale[n]!) };
}

/** What the graph multiplies by: the inverse of what the inputs are divided by. */
function inverse(scale: Float32Array | undefined): Float32Array[] {
  return scale === undefined ? [] : [scale.map((value) => 1 / value)];
}

/** A channel a thousand times below the mean is as good as nothing; what is divided by less would only overflow. */
const LEAST_SCALE = 1e-3;

/** GELU and QuickGELU of normal inputs of these mean squares: about half of each. */
function activated(squares: Float32Array): Float32Array {
  return squares.map((square) => square / 2);
}
