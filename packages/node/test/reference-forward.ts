/**
 * Both towers by the plainest code there is, in double precision: what the graphs are held against where transformers' goldens
 * do not reach (other activations, head sizes, resolutions, masks). Matrices are arrays of rows.
 */
export type Matrix = number[][];
export type Parameters = ReadonlyMap<string, { readonly shape: readonly number[]; readonly data: Float32Array }>;

const ACTIVATIONS: Readonly<Record<string, (x: number) => number>> = {
  gelu: (x) => 0.5 * x * (1 + erf(x / Math.SQRT2)),
  quick_gelu: (x) => x / (1 + Math.exp(-1.702 * x)),
  gelu_new: (x) => 0.5 * x * (1 + Math.tanh(Math.sqrt(2 / Math.PI) * (x + 0.044715 * x ** 3))),
  relu: (x) => Math.max(0, x),
};

/** By its power series; converges for the arguments that occur here. */
function erf(x: number): number {
  if (Math.abs(x) > 5) return Math.sign(x);
  let term = x;
  let sum = x;
  for (let n = 1; n < 200; n++) {
    term *= (-x * x) / n;
    sum += term / (2 * n + 1);
  }
  return (2 / Math.sqrt(Math.PI)) * sum;
}

function matrix(parameters: Parameters, name: string): Matrix {
  const found = parameters.get(name);
  if (found === undefined) throw new Error(`no parameter ${name}`);
  const columns = found.shape.at(-1) ?? 1;
  return Array.from({ length: found.data.length / columns }, (_, row) => [...found.data.subarray(row * columns, (row + 1) * columns)]);
}

function vector(parameters: Parameters, name: string): number[] {
  return matrix(parameters, name).flat();
}

const linear = (p: Parameters, name: string, x: Matrix): Matrix => {
  const weight = matrix(p, `${name}.weight`);
  const bias = p.has(`${name}.bias`) ? vector(p, `${name}.bias`) : weight.map(() => 0);
  return x.map((row) => weight.map((w, n) => w.reduce((sum, value, k) => sum + value * row[k]!, bias[n]!)));
};

const layerNorm = (p: Parameters, name: string, x: Matrix, eps: number): Matrix => {
  const [weight, bias] = [vector(p, `${name}.weight`), vector(p, `${name}.bias`)];
  return x.map((row) => {
    const mean = row.reduce((a, b) => a + b, 0) / row.length;
    const variance = row.reduce((a, b) => a + (b - mean) ** 2, 0) / row.length;
    return row.map((value, i) => ((value - mean) / Math.sqrt(variance + eps)) * weight[i]! + bias[i]!);
  });
};

const add = (a: Matrix, b: Matrix): Matrix => a.map((row, i) => row.map((value, j) => value + b[i]![j]!));

function attention(q: Matrix, k: Matrix, v: Matrix, heads: number, mask?: readonly boolean[]): Matrix {
  const size = q[0]!.length / heads;
  const seen = mask === undefined || mask.every((bit) => !bit) ? undefined : mask;
  return q.map((query) => {
    const out: number[] = [];
    for (let h = 0; h < heads; h++) {
      const part = (row: readonly number[]): readonly number[] => row.slice(h * size, (h + 1) * size);
      const scores = k.map((key, j) => {
        if (mask?.every((bit) => !bit) === true) return 0; // all hidden: all alike
        if (seen?.[j] === false) return -Infinity;
        return part(query).reduce((sum, value, i) => sum + value * part(key)[i]!, 0) / Math.sqrt(size);
      });
      const top = Math.max(...scores);
      const weights = scores.map((score) => Math.exp(score - top));
      const total = weights.reduce((a, b) => a + b, 0);
      for (let i = 0; i < size; i++) out.push(weights.reduce((sum, w, j) => sum + (w / total) * part(v[j]!)[i]!, 0));
    }
    return out;
  });
}

interface TowerConfig {
  readonly num_hidden_layers: number;
  readonly num_attention_heads: number;
  readonly hidden_act: string;
  readonly layer_norm_eps: number;
}

/** The text feature of one text. */
export function textFeature(
  p: Parameters,
  config: TowerConfig,
  ids: readonly number[],
  types: readonly number[],
  mask: readonly boolean[],
): number[] {
  const act = ACTIVATIONS[config.hidden_act]!;
  const at = "text_model.embeddings.";
  const [words, positions, segments] = ["word", "position", "token_type"].map((kind) => matrix(p, `${at}${kind}_embeddings.weight`));
  let x = ids.map((id, i) => words![id]!.map((value, d) => value + positions![i]![d]! + segments![types[i]!]![d]!));
  x = layerNorm(p, `${at}LayerNorm`, x, config.layer_norm_eps);
  for (let i = 0; i < config.num_hidden_layers; i++) {
    const layer = `text_model.encoder.layer.${i}`;
    const [q, k, v] = ["query", "key", "value"].map((name) => linear(p, `${layer}.attention.self.${name}`, x));
    const context = attention(q!, k!, v!, config.num_attention_heads, mask);
    x = layerNorm(
      p,
      `${layer}.attention.output.LayerNorm`,
      add(linear(p, `${layer}.attention.output.dense`, context), x),
      config.layer_norm_eps,
    );
    const inner = linear(p, `${layer}.intermediate.dense`, x).map((row) => row.map(act));
    x = layerNorm(p, `${layer}.output.LayerNorm`, add(linear(p, `${layer}.output.dense`, inner), x), config.layer_norm_eps);
  }
  return linear(p, "text_projection", [x[0]!])[0]!;
}

/** The image feature of one image: `pixels[c][y][x]`. */
export function imageFeature(
  p: Parameters,
  config: TowerConfig & { patch_size: number; image_size: number },
  pixels: readonly Matrix[],
): number[] {
  const act = ACTIVATIONS[config.hidden_act]!;
  const P = config.patch_size;
  const [rows, columns] = [Math.floor(pixels[0]!.length / P), Math.floor(pixels[0]![0]!.length / P)];
  const kernel = p.get("vision_model.embeddings.patch_embedding.weight")!;
  const width = kernel.shape[0]!;
  const positions = matrix(p, "vision_model.embeddings.position_embedding.weight");
  const grid = Math.floor(config.image_size / P);
  let x: Matrix = [vector(p, "vision_model.embeddings.class_embedding").map((value, d) => value + positions[0]![d]!)];
  for (let r = 0; r < rows; r++) {
    for (let c = 0; c < columns; c++) {
      const patch = pixels.flatMap((plane) => plane.slice(r * P, (r + 1) * P).flatMap((line) => line.slice(c * P, (c + 1) * P)));
      const position = bicubicAt(positions.slice(1), grid, ((r + 0.5) * grid) / rows - 0.5, ((c + 0.5) * grid) / columns - 0.5);
      x.push(
        Array.from({ length: width }, (_, d) =>
          patch.reduce((sum, value, i) => sum + value * kernel.data[d * patch.length + i]!, position[d]!),
        ),
      );
    }
  }
  const eps = config.layer_norm_eps;
  x = layerNorm(p, "vision_model.pre_layrnorm", x, eps);
  for (let i = 0; i < config.num_hidden_layers; i++) {
    const layer = `vision_model.encoder.layers.${i}`;
    const normed = layerNorm(p, `${layer}.layer_norm1`, x, eps);
    const [q, k, v] = ["q", "k", "v"].map((name) => linear(p, `${layer}.self_attn.${name}_proj`, normed));
    x = add(x, linear(p, `${layer}.self_attn.out_proj`, attention(q!, k!, v!, config.num_attention_heads)));
    const inner = linear(p, `${layer}.mlp.fc1`, layerNorm(p, `${layer}.layer_norm2`, x, eps)).map((row) => row.map(act));
    x = add(x, linear(p, `${layer}.mlp.fc2`, inner));
  }
  return linear(p, "visual_projection", layerNorm(p, "vision_model.post_layernorm", [x[0]!], eps))[0]!;
}

/** `grid x grid` rows sampled at a fractional place: cubic convolution with a = -0.75, borders repeated (torch's `mode="bicubic"`). */
function bicubicAt(rows: Matrix, grid: number, y: number, x: number): number[] {
  const a = -0.75;
  const weight = (distance: number): number => {
    const t = Math.abs(distance);
    if (t <= 1) return (a + 2) * t ** 3 - (a + 3) * t ** 2 + 1;
    return t < 2 ? a * (t ** 3 - 5 * t ** 2 + 8 * t - 4) : 0;
  };
  const clamp = (i: number): number => Math.min(grid - 1, Math.max(0, i));
  const result = rows[0]!.map(() => 0);
  for (let dy = -1; dy <= 2; dy++) {
    for (let dx = -1; dx <= 2; dx++) {
      const [iy, ix] = [Math.floor(y) + dy, Math.floor(x) + dx];
      const w = weight(y - iy) * weight(x - ix);
      for (const [d, value] of rows[clamp(iy) * grid + clamp(ix)]!.entries()) result[d]! += w * value;
    }
  }
  return result;
}
