import fc from "fast-check";
import { describe, expect, it } from "vitest";
import type { Value } from "../src/index.js";
import { product, quotient, sum } from "../src/graph/ir/dimension.js";
import { GraphBuilder } from "../src/graph/ir/graph-builder.js";
import { averagePool, batchNorm, conv } from "../src/graph/ir/image-operators.js";

const [D, F, C, P] = [48, 96, 3, 8];

/** A text tower's values, right in themselves. */
function values() {
  const graph = new GraphBuilder("test");
  const weight = (name: string, ...dims: number[]): Value =>
    graph.parameter(name, dims, {
      kind: "float",
      tensor: { dtype: "F32", shape: dims, file: "weights", byteOffset: 0, byteLength: 0, transposed: false },
    });
  const ids = graph.input("ids", "int64", ["batch", "sequence"]);
  const pixels = graph.input("pixels", "float32", ["batch", C, 224, 224]);
  const x = graph.input("x", "float32", ["batch", "sequence", D]);
  const tokens = graph.shape(x); // = [B, L, D]
  const rows = graph.reshape(x, graph.int64([-1, D])); // [B·L, D]
  const classRows = graph.gather(x, graph.int64(0), 1); // [B, D]
  return { graph, weight, ids, pixels, x, tokens, rows, classRows };
}

describe("GraphBuilder", () => {
  it("infers types and shapes, of products of names too", () => {
    const { graph, weight, ids, pixels, x, tokens, rows, classRows } = values();
    expect(rows.dims).toEqual(["batch*sequence", D]);
    expect(classRows.dims).toEqual(["batch", D]);
    expect(graph.linear(rows, weight("w", F, D), weight("b", F)).dims).toEqual(["batch*sequence", F]);
    expect(graph.reshape(rows, tokens).dims).toEqual(x.dims);
    expect(graph.embedding(weight("words", 100, D), ids).dims).toEqual(x.dims);
    const length = graph.shape(ids, 1, 2);
    expect(graph.add(x, graph.slice(weight("positions", 512, D), graph.int64([0]), length, 0)).dims).toEqual(x.dims);
    const patches = conv(graph, pixels, weight("patches", D, C, P, P), P);
    expect(patches.dims).toEqual(["batch", D, 28, 28]);
    expect(graph.reshape(patches, graph.int64([0, D, -1])).dims).toEqual(["batch", D, 784]);
    const { context, probabilities } = graph.attention({ query: x, key: x, value: x, heads: 4, mask: graph.cast(ids, "int32") }, true);
    expect([context.dims, probabilities?.dims]).toEqual([x.dims, ["batch", 4, "sequence", "sequence"]]);
    expect(graph.cast(x, "float16").type).toBe("float16");
    const { values: all, nodes } = graph.finish();
    for (const { outputs } of nodes) for (const name of outputs) expect(all.get(name)?.dims).toBeDefined();
  });

  it("infers the tokens of an image of any size", () => {
    const { graph, weight } = values();
    const pixels = graph.input("any", "float32", ["batch", C, "height", "width"]);
    const patches = conv(graph, pixels, weight("patches", D, C, P, P), P); // [B, D, h, w]
    const rows = graph.transpose(graph.reshape(patches, graph.int64([0, D, -1])), [0, 2, 1]); // [B, h·w, D]
    const one = graph.gather(rows, graph.int64([0]), 1); // [B, 1, D]
    expect(graph.concat([one, rows], 1).dims).toEqual(graph.concat([rows, one], 1).dims);
    expect(() => conv(graph, pixels, weight("stem", D, C, 3, 3), 2, 1)).toThrow(/Conv: expected a known height and width/);
  });

  // Ten lines of the builders, each with one mistake.
  const mistakes: [string, (v: ReturnType<typeof values>) => unknown, RegExp][] = [
    [
      "a weight for another input",
      ({ graph, weight, rows }) => graph.linear(rows, weight("w", D, F), weight("b", D)),
      /^Linear: expected \[M, K\], \[N, K\], \[N\], got float32 \[batch\*sequence, 48\], float32 \[48, 96\]/,
    ],
    ["a weight the other way round", ({ graph, weight, rows }) => graph.linear(rows, weight("w", D, F)), /^Linear: expected/],
    ["a bias of the input's extent", ({ graph, weight, rows }) => graph.linear(rows, weight("w", F, D), weight("b", D)), /^Linear: .* \[48\]$/],
    ["a linear layer of states that are no rows", ({ graph, weight, x }) => graph.linear(x, weight("w", F, D)), /^Linear: .* \[batch, sequence, 48\]/],
    ["the class tokens added to all tokens", ({ graph, rows, classRows }) => graph.add(rows, classRows), /^Add: .* \[batch\*sequence, 48\], float32 \[batch, 48\]/],
    [
      "keys that were not given back their shape",
      ({ graph, x, rows }) => graph.attention({ query: x, key: rows, value: x, heads: 4, mask: undefined }),
      /^Attention: expected \[B, Q, D\], \[B, L, D\]/,
    ],
    [
      "heads that do not divide the hidden size",
      ({ graph, x }) => graph.attention({ query: x, key: x, value: x, heads: 7, mask: undefined }),
      /^Attention: .*multiple of 7/,
    ],
    [
      "heads transposed as queries are, in the keys",
      ({ graph, x }) => {
        const heads = graph.transpose(graph.reshape(x, graph.int64([0, 0, 4, D / 4])), [0, 2, 1, 3]); // [B, h, L, d]
        return graph.matMul(heads, heads);
      },
      /^MatMul: expected \[\.\., M, K\], \[\.\., K, N\], got float32 \[batch, 4, sequence, 12\]/,
    ],
    ["rows of another width", ({ graph, x }) => graph.reshape(x, graph.int64([-1, F])), /^Reshape: expected as many elements as \[-1, 96\]/],
    ["a class token beside the channels", ({ graph, x, classRows }) => graph.concat([classRows, x], 1), /^Concat: expected values that differ along axis 1 only/],
    ["a LayerNorm of another extent", ({ graph, weight, rows }) => graph.layerNorm(rows, weight("w", F), weight("b", F), 1e-5), /^LayerNormalization: expected/],
    ["patches of other channels", ({ graph, weight, pixels }) => conv(graph, pixels, weight("w", D, 1, P, P), P), /^Conv: expected/],
    ["more positions than there are", ({ graph, weight }) => graph.slice(weight("p", 512, D), graph.int64([0]), graph.int64([513]), 0), /^Slice: expected 0 to 513 along axis 0/],
    ["ids in a floating-point dtype", ({ graph, weight, x }) => graph.embedding(weight("words", 100, D), x), /^Embedding: expected \[rows, size\], int64 \[\.\.\], got/],
    ["a permutation of fewer axes", ({ graph, x }) => graph.transpose(x, [1, 0]), /^Transpose: expected 2 axes/],
    ["a batch norm over the batch", ({ graph, weight, pixels }) => batchNorm(graph, pixels, weight("a", D), weight("b", D), weight("c", D), weight("d", D), 1e-5), /^BatchNormalization: expected/],
    ["pooling of an odd height", ({ graph, weight, pixels }) => averagePool(graph, conv(graph, pixels, weight("w", D, C, 32, 32), 32), 2), /^AveragePool: expected/],
    ["integers added to floats", ({ graph, ids }) => graph.add(ids, graph.number(1)), /^Add: .* int64 \[batch, sequence\], float32 \[\]/],
    ["an extent expanded to another", ({ graph, classRows, tokens }) => graph.expand(classRows, tokens), /^Expand: expected/],
  ]; // prettier-ignore

  it.each(mistakes)("rejects %s", (_, build, message) => {
    expect(() => build(values())).toThrow(expect.objectContaining({ name: "TypeError", message: expect.stringMatching(message) }));
  });
});

describe("dimensions", () => {
  const dimension = fc.oneof(fc.integer({ min: 1, max: 100 }), fc.constantFrom("batch", "sequence", "height/16", "(1+height/16·width/16)"));

  it("multiply in any order, and divide again", () => {
    fc.assert(
      fc.property(fc.array(dimension, { maxLength: 5 }), dimension, (dims, other) => {
        expect(product(dims.toReversed())).toBe(product(dims));
        expect(product([product(dims), other])).toBe(product([...dims, other]));
        expect(quotient(product([...dims, other]), other)).toBe(product(dims));
      }),
    );
    expect(quotient("batch", "sequence")).toBeUndefined();
    expect(quotient("3*batch", 2)).toBeUndefined();
  });

  it("add in any order", () => {
    fc.assert(
      fc.property(dimension, dimension, (a, b) => {
        expect(sum(a, b)).toBe(sum(b, a));
      }),
    );
    expect(sum(2, 3)).toBe(5);
    expect(sum("2*batch", 1)).toBe("(1+2·batch)");
  });
});
