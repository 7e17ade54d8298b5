/**
 * Operators that only image towers have: convolution and what goes with it, and resizing. Shapes are inferred and checked as in {@link GraphBuilder}.
 */
import type { Dimension } from "../../onnx/write/ir.js";
import { float, ints, string } from "./attributes.js";
import { quotient } from "./dimension.js";
import type { Value } from "./graph.js";
import type { GraphBuilder } from "./graph-builder.js";
import { bind, contentOf, isKnown, mismatch, type Shaped } from "./shapes.js";

/** Convolution: `x [B, C, H, W]`, `weight [D, C, kernel, kernel]` -> `[B, D, H', W']`, with `padding` zeros on every side. */
export function conv(graph: GraphBuilder, x: Value, weight: Value, stride: number, padding = 0): Value {
  const { B = 0, H = 0, W = 0, D = 0, K } = bind("Conv", [x, "B C H W"], [weight, "D C K K"]);
  const kernel = Number(K);
  // A symbolic extent gives the number of patches as a quotient.
  const steps = (extent: Dimension): Dimension =>
    typeof extent === "number" ? Math.floor((extent + 2 * padding - kernel) / stride) + 1 : `${extent}/${kernel}`;
  if (`${H}${W}`.match(/\D/u) !== null && (kernel !== stride || padding !== 0)) mismatch("Conv", "a known height and width", x);
  const pads = ints([padding, padding, padding, padding]);
  const attributes = { kernel_shape: ints([kernel, kernel]), strides: ints([stride, stride]), pads };
  return graph.apply("Conv", [x, weight], { type: x.type, dims: [B, D, steps(H), steps(W)] }, attributes);
}

/** Batch normalisation of `[B, C, ..]` by running statistics `[C]`; ONNX Runtime folds it into the convolution before it. */
export function batchNorm(graph: GraphBuilder, x: Value, scale: Value, bias: Value, mean: Value, variance: Value, epsilon: number): Value {
  const statistics = [scale, bias, mean, variance];
  bind("BatchNormalization", [x, "B C H W"], ...statistics.map((statistic): Shaped => [statistic, "C"]));
  return graph.apply("BatchNormalization", [x, ...statistics], x, { epsilon: float(epsilon) });
}

/** The mean over each `size x size` window, side by side: `[B, C, H, W] -> [B, C, H / size, W / size]`. */
export function averagePool(graph: GraphBuilder, x: Value, size: number): Value {
  const dims = x.dims.map((extent, axis) => (axis < 2 ? extent : quotient(extent, size)));
  if (dims.length !== 4 || !isKnown(dims)) return mismatch("AveragePool", `[B, C, H, W] of multiples of ${size}`, x);
  return graph.apply("AveragePool", [x], { type: x.type, dims }, { kernel_shape: ints([size, size]), strides: ints([size, size]) });
}

/** The mean along one axis, which stays with extent 1. */
export function meanOver(graph: GraphBuilder, x: Value, axis: number): Value {
  return graph.reduce("ReduceMean", x, axis);
}

/**
 * Bicubic interpolation to `sizes`, as `torch.nn.functional.interpolate(mode="bicubic", align_corners=False)`: a = -0.75,
 * no antialiasing, borders repeated.
 */
export function resizeBicubic(graph: GraphBuilder, x: Value, sizes: Value): Value {
  const dims = contentOf("Resize", sizes);
  if (dims.length !== x.dims.length) return mismatch("Resize", `a size for each of ${dims.length} axes`, x);
  return graph.apply("Resize", [x, undefined, undefined, sizes], { type: x.type, dims }, {
    mode: string("cubic"),
    cubic_coeff_a: float(-0.75),
    coordinate_transformation_mode: string("half_pixel"),
  }); // prettier-ignore
}
