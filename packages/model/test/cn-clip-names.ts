/** The way back: a checkpoint in Hugging Face's names as cn_clip would have saved it. */
import { type Tensor, bytesOf, transpose } from "./torch-writer.js";

const VISUAL: readonly (readonly [RegExp, string])[] = [
  [/^vision_model\.embeddings\.class_embedding$/, "visual.class_embedding"],
  [/^vision_model\.embeddings\.patch_embedding\.weight$/, "visual.conv1.weight"],
  [/^vision_model\.embeddings\.position_embedding\.weight$/, "visual.positional_embedding"],
  [/^vision_model\.pre_layrnorm\./, "visual.ln_pre."],
  [/^vision_model\.post_layernorm\./, "visual.ln_post."],
  [/^vision_model\.encoder\.layers\.(\d+)\.layer_norm(\d)\./, "visual.transformer.resblocks.$1.ln_$2."],
  [/^vision_model\.encoder\.layers\.(\d+)\.self_attn\.out_proj\./, "visual.transformer.resblocks.$1.attn.out_proj."],
  [/^vision_model\.encoder\.layers\.(\d+)\.mlp\.fc1\./, "visual.transformer.resblocks.$1.mlp.c_fc."],
  [/^vision_model\.encoder\.layers\.(\d+)\.mlp\.fc2\./, "visual.transformer.resblocks.$1.mlp.c_proj."],
  [/^text_model\./, "bert."],
];

export function cnClipTensors(canonical: ReadonlyMap<string, Tensor>, { module = false, flash = false } = {}): Map<string, Tensor> {
  const tensors = new Map<string, Tensor>();
  const put = (name: string, tensor: Tensor): unknown => tensors.set(module ? `module.${name}` : name, tensor);
  const fused = (name: string, parts: readonly string[]): Tensor => {
    const all = parts.map((part) => canonical.get(name.replace("q_proj", part).replace("query", part)));
    const [rows = 0, ...rest] = all[0]?.shape ?? [];
    return { dtype: all[0]?.dtype ?? "F32", shape: [3 * rows, ...rest], data: bytesOf(...all.map((part) => part?.data ?? [])) };
  };
  for (const [name, tensor] of canonical) {
    const [, block, kind] = /^vision_model\.encoder\.layers\.(\d+)\.self_attn\.q_proj\.(\w+)$/.exec(name) ?? [];
    const [, layer, textKind] = /^text_model\.(encoder\.layer\.\d+\.attention)\.self\.query\.(\w+)$/.exec(name) ?? [];
    if (block !== undefined) {
      const attention = `visual.transformer.resblocks.${block}.attn.`;
      put(attention + (flash ? `Wqkv.${kind}` : `in_proj_${kind}`), fused(name, ["q_proj", "k_proj", "v_proj"]));
    } else if (flash && layer !== undefined) {
      put(`bert.${layer}.self.Wqkv.${textKind}`, fused(name, ["query", "key", "value"]));
    } else if (/self_attn\.[kv]_proj/.test(name) || (flash && /self\.(key|value)/.test(name))) {
      continue;
    } else if (flash && /attention\.output\.dense/.test(name)) {
      put(name.replace("text_model.", "bert.").replace("attention.output.dense", "attention.self.out_proj"), tensor);
    } else if (name === "text_projection.weight") {
      put("text_projection", transpose(tensor));
    } else if (name === "visual_projection.weight") {
      put("visual.proj", transpose(tensor));
    } else {
      put(
        VISUAL.reduce((result, [pattern, replacement]) => result.replace(pattern, replacement), name),
        tensor,
      );
    }
  }
  put("bert.pooler.dense.bias", { dtype: "F32", shape: [2], data: new Uint8Array(8) });
  put("bert.embeddings.position_ids", { dtype: "I64", shape: [1, 2], data: new Uint8Array(16) });
  return tensors;
}
