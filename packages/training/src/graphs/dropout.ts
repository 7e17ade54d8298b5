/**
 * Dropout in BERT (`hidden_dropout_prob` and `attention_probs_dropout_prob`, as cn_clip's `bert/modeling_bert.py` has them): behind the embeddings, of the
 * attention's probabilities, and of both results that are added to the residual. Which elements are dropped is an input, so that a chunk or a block
 * that is computed once more has the same ones, and a resumed run, too.
 */
import type { Graph, Node, Value } from "@chinese-clip/model";
import { int } from "@chinese-clip/model/graph";
import { GraphRewrite } from "./graph-rewrite.js";

/** uint8 in ONNX, and float32. */
const FLOAT32 = 1;

const EMBEDDINGS = /^(text_model\.embeddings)\.LayerNorm\.weight$/u;
const RESIDUAL = /^(text_model\.encoder\.layer\.\d+\.(?:attention\.)?output)\.dense\.weight$/u;
const KEY = /^(text_model\.encoder\.layer\.\d+\.attention\.self)\.key\.weight$/u;

/** What an input with a mask is called: uint8, 0 for what is dropped, else 1; its first extent is a multiple of the batch. */
export function isDropoutMask(input: string): boolean {
  return input.endsWith(".dropout");
}

/**
 * A text tower's graph with dropout.
 *
 * @param rate - share of the elements that are dropped, in (0, 1); the others are divided by what is left of 1.
 */
export function withDropout(graph: Graph, rate: number): Graph {
  const rewrite = new GraphRewrite(graph);
  const producers = new Map(graph.nodes.flatMap((node) => node.outputs.map((name) => [name, node] as const)));
  const factor = (module: string, { dims }: Pick<Value, "dims">): Value => {
    const mask = rewrite.input(`${module}.dropout`, "uint8", dims);
    const kept = rewrite.apply(`${module}.dropout.kept`, "Cast", [mask], { type: "float32", dims }, { to: int(FLOAT32) });
    return rewrite.apply(`${module}.dropout.factor`, "Mul", [kept, rewrite.number(1 / (1 - rate))], kept);
  };
  return rewrite.rewrite((node) => {
    const [output = ""] = node.outputs;
    if (node.opType === "Attention") return withProbabilityMask(node, factor);
    const module = (node.opType === "LayerNormalization" ? EMBEDDINGS : RESIDUAL).exec(node.inputs[1] ?? "")?.[1];
    if (module === undefined) return undefined;
    const result = rewrite.value(output);
    rewrite.replace(output, rewrite.apply(`${module}.dropout.result`, "Mul", [result, factor(module, result)], result));
    return undefined;
  });

  /** The attention with one more input: what its probabilities are multiplied by. */
  function withProbabilityMask(node: Node, maskOf: typeof factor): Node | undefined {
    const [query = "", key = "", value = "", mask = ""] = node.inputs;
    const module = KEY.exec(weightOf(producers, key))?.[1];
    if (module === undefined) return undefined;
    const [[B = 0, Q = 0], [, L = 0]] = [rewrite.value(query).dims, rewrite.value(key).dims];
    const heads = Number(node.attributes["num_heads"]?.value);
    return { ...node, inputs: [query, key, value, mask, maskOf(module, { dims: [B, heads, Q, L] }).name] };
  }
}

/** The weight of the linear layer that a value comes from. */
function weightOf(producers: ReadonlyMap<string, Node>, name: string): string {
  const node = producers.get(name);
  if (node === undefined) return "";
  return node.opType === "Linear" ? (node.inputs[1] ?? "") : weightOf(producers, node.inputs[0] ?? "");
}
