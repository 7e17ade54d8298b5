/** Convolution and average pooling. */
import type { Value } from "@chinese-clip/model";
import { type GraphBuilder, ints } from "@chinese-clip/model/graph";
import { inputOf, intsOf, type Rule } from "../rule.js";
import { expandTo, extentsOf, pad, reshapeTo, scale } from "../steps.js";
import { product } from "./matrix.js";

/** `dx` by the transposed convolution; `dw` as one matrix product for each place of the kernel. */
const conv: Rule = (backward) => {
  const { graph, node, gradient, wants } = backward;
  const [x, weight] = [inputOf(backward, 0), inputOf(backward, 1)];
  const [, , K = 0] = extentsOf(weight);
  const [stride = 1] = intsOf(node, "strides", [1]);
  const [padding = 0] = intsOf(node, "pads", [0]);
  return [
    wants(0) ? convInput(graph, gradient, weight, x, stride, padding) : undefined,
    wants(1)
      ? K === stride && padding === 0
        ? patchWeight(graph, gradient, x, K)
        : convWeight(graph, gradient, x, K, stride, padding)
      : undefined,
  ];
};

function convInput(graph: GraphBuilder, gradient: Value, weight: Value, x: Value, stride: number, padding: number): Value {
  const [, , K = 0] = extentsOf(weight);
  const [, , H = 0, W = 0] = extentsOf(x);
  const [, , h = 0, w = 0] = extentsOf(gradient);
  const missing = (extent: number, steps: number): number => extent - ((steps - 1) * stride - 2 * padding + K);
  const attributes = {
    kernel_shape: ints([K, K]),
    strides: ints([stride, stride]),
    pads: ints([padding, padding, padding, padding]),
    output_padding: ints([missing(H, h), missing(W, w)]),
  };
  return graph.apply("ConvTranspose", [gradient, weight], x, attributes);
}

/** The weight's gradient where a convolution cuts the image into patches: `[B, D, h, w]`, `[B, C, h K, w K] -> [D, C, K, K]`. */
function patchWeight(graph: GraphBuilder, gradient: Value, x: Value, K: number): Value {
  const [B = 0, D = 0, h = 0, w = 0] = extentsOf(gradient);
  const [, C = 0, H = 0, W = 0] = extentsOf(x);
  const cut = H === h * K && W === w * K ? x : corner(graph, x, h * K, w * K); // what the last patch leaves over
  const patches = graph.transpose(reshapeTo(graph, cut, [B, C, h, K, w, K]), [0, 2, 4, 1, 3, 5]); // [B, h, w, C, K, K]
  const rows = reshapeTo(graph, patches, [B * h * w, C * K * K]);
  return reshapeTo(graph, product(graph, channelRows(graph, gradient), rows, true, false), [D, C, K, K]);
}

/** `[B, D, h, w]`, `[B, C, H, W] -> [D, C, K, K]`, from the pixels that each place of the kernel saw. */
function convWeight(graph: GraphBuilder, gradient: Value, x: Value, K: number, stride: number, padding: number): Value {
  const [B = 0, D = 0, h = 0, w = 0] = extentsOf(gradient);
  const [, C = 0] = extentsOf(x);
  const sides = [0, 0, padding, padding];
  const pixels = graph.transpose(pad(graph, x, sides, sides), [0, 2, 3, 1]); // [B, H', W', C]
  const rows = channelRows(graph, gradient); // [B h w, D]
  const parts = Array.from({ length: K * K }, (_, place) => {
    const [top, left] = [Math.floor(place / K), place % K];
    const starts = graph.int64([top, left]);
    const ends = graph.int64([top + (h - 1) * stride + 1, left + (w - 1) * stride + 1]);
    const seen = graph.apply("Slice", [pixels, starts, ends, graph.int64([1, 2]), graph.int64([stride, stride])], {
      type: x.type,
      dims: [B, h, w, C],
    });
    return reshapeTo(graph, product(graph, rows, reshapeTo(graph, seen, [B * h * w, C]), true, false), [D, C, 1]);
  });
  const [first, ...others] = parts;
  return first === undefined ? x : reshapeTo(graph, graph.concat([first, ...others], 2), [D, C, K, K]);
}

/** `[B, D, h, w] -> [B h w, D]` */
function channelRows(graph: GraphBuilder, x: Value): Value {
  const [B = 0, D = 0, h = 0, w = 0] = extentsOf(x);
  return reshapeTo(graph, graph.transpose(x, [0, 2, 3, 1]), [B * h * w, D]);
}

/** The first rows and columns of an image. */
function corner(graph: GraphBuilder, x: Value, height: number, width: number): Value {
  const rows = graph.slice(x, graph.int64([0]), graph.int64([height]), 2);
  return graph.slice(rows, graph.int64([0]), graph.int64([width]), 3);
}

/** Windows lie side by side: each pixel has its share of its window's gradient. */
const averagePool: Rule = (backward) => {
  const { graph, node, gradient } = backward;
  const x = inputOf(backward, 0);
  const [size = 1] = intsOf(node, "kernel_shape", [1]);
  const [B = 0, C = 0, h = 0, w = 0] = extentsOf(gradient);
  const spread = expandTo(graph, reshapeTo(graph, scale(graph, gradient, 1 / (size * size)), [B, C, h, 1, w, 1]), [B, C, h, size, w, size]);
  return [reshapeTo(graph, spread, extentsOf(x))];
};

/** Rules by the operator's name. */
export const IMAGE: Readonly<Record<string, Rule>> = { Conv: conv, AveragePool: averagePool };
