/**
 * A batch of texts without its padding: between the attentions, where each token is computed for itself, the rows `[B·L, D]` become `[M, D]`, those of
 * the M tokens whose states are needed. Those are the tokens that are not masked and each text's class token, and all of a text that is masked
 * as a whole, whose class token attends to all alike. Attention has sequences `[B, L, D]` as before; what it finds in the place of a masked key, another
 * token's, has no weight there.
 *
 * Worth it on the CPU, where a padded token costs as much as a real one. Only for features: of states, those of masked tokens are results.
 */
import type { Dimension, Node } from "../../onnx/write/ir.js";
import { int } from "../ir/attributes.js";
import { product } from "../ir/dimension.js";
import type { Value } from "../ir/graph.js";
import { isSame } from "../ir/shapes.js";
import type { Lowering } from "./quantized-layers.js";

/** M, by name. */
const TOKENS = "tokens";

/** Where each row of a graph's packed tokens comes from, and goes to. */
interface Places {
  /** The row of `[B·L, D]` that each packed row is: int64 `[M]`. */
  readonly sources: Value;
  /** The packed row that each row of `[B·L, D]` is, any for a padded token: int64 `[B·L]`. */
  readonly targets: Value;
}

/** The packed tokens of one text graph. */
export class PackedTokens {
  readonly #lowering: Lowering;
  readonly #mask: string;
  /** `[B, L]` and `B·L`. */
  readonly #sequences: readonly Dimension[];
  readonly #rows: Dimension;
  #places: Places | undefined;

  private constructor(lowering: Lowering, mask: string, sequences: readonly Dimension[]) {
    this.#lowering = lowering;
    this.#mask = mask;
    this.#sequences = sequences;
    this.#rows = product(sequences);
  }

  /** Those of a graph that gives text features by an attention that is masked; else undefined. */
  static of(lowering: Lowering): PackedTokens | undefined {
    const { target, source } = lowering;
    const mask = source.nodes.find(({ opType }) => opType === "Attention")?.inputs[3];
    const sequences = source.values.get(mask ?? "")?.dims;
    if (target !== "cpu" || mask === undefined || sequences === undefined || source.outputs.join() !== "text_features") return undefined;
    return new PackedTokens(lowering, mask, sequences);
  }

  /** A `Reshape` from sequences to rows or back, with the padding left out or put in; undefined for any other node. */
  lower({ opType, inputs: [input = "", shape = ""], outputs: [output = ""] }: Node): Value | undefined {
    const { source, result: graph } = this.#lowering;
    const [from, to] = [source.values.get(input)?.dims ?? [], source.values.get(output)?.dims ?? []];
    if (opType !== "Reshape" || from.length + to.length !== 5) return undefined;
    const x = this.#lowering.value(input);
    const reshaped = (value: Value): Value => graph.apply("Reshape", [value, this.#lowering.value(shape)], { type: x.type, dims: to });
    if (isSame(from.slice(0, -1), this.#sequences) && to[0] === this.#rows) return graph.gather(reshaped(x), this.#placesOf().sources); // [M, D]
    if (isSame(to.slice(0, -1), this.#sequences) && from[0] === this.#rows) return reshaped(graph.gather(x, this.#placesOf().targets)); // [B, L, D]
    return undefined;
  }

  /** The shape that a value has when its rows are packed. */
  dims(dims: readonly Dimension[]): readonly Dimension[] {
    return dims.map((extent) => (extent === this.#rows ? TOKENS : extent));
  }

  #placesOf(): Places {
    return (this.#places ??= this.#computePlaces());
  }

  #computePlaces(): Places {
    const { result: graph } = this.#lowering;
    const mask = this.#lowering.value(this.#mask); // int32 [B, L]
    const [B = 0, L = 0] = mask.dims;
    const int32 = (value: number, ...dims: number[]): Value => {
      const data = new Uint8Array(Int32Array.of(value).buffer);
      return graph.initializer({ name: `int32_${value}${dims.map((size) => `_${size}`).join("")}`, type: "int32", dims, data });
    };
    const any = graph.reduceMax(mask, 1); // [B, 1]
    const none = graph.sub(int32(1, 1, 1), any); // [B, 1]
    const kept = graph.max(mask, none); // [B, L]
    const rest = graph.apply("Slice", [kept, graph.int64([1]), graph.shape(kept, 1, 2), graph.int64([1])], {
      type: "int32",
      dims: [B, `(-1+${L})`],
    });
    const withClass = graph.apply("Concat", [graph.add(any, none), rest], mask, { axis: int(1) }); // [B, L]
    const flat = graph.reshape(withClass, graph.int64([-1])); // [B·L]
    const nonZero = graph.apply("NonZero", [flat], { type: "int64", dims: [1, TOKENS] }); // [1, M]
    const sources = graph.reshape(nonZero, graph.int64([-1])); // [M]
    const counted = graph.apply("CumSum", [flat, graph.int64(0)], flat); // [B·L], at least 1: the first row is a class token's
    const targets = graph.cast(graph.sub(counted, int32(1, 1)), "int64"); // [B·L]
    return { sources, targets };
  }
}
