/** From Hugging Face's names to those that cn_clip saves: the way back of tensor-names.ts. */

/** A tensor of cn_clip's. */
export interface CnClipTensor {
  /** cn_clip's name. */
  readonly name: string;
  /** Hugging Face's tensors that its rows are from, one after the other. */
  readonly parts: readonly string[];
  /** Whether it is the other way round. */
  readonly isTransposed: boolean;
}

const RENAMED: readonly (readonly [RegExp, string])[] = [
  [/^vision_model\.embeddings\.class_embedding$/u, "visual.class_embedding"],
  [/^vision_model\.embeddings\.patch_embedding\.weight$/u, "visual.conv1.weight"],
  [/^vision_model\.embeddings\.position_embedding\.weight$/u, "visual.positional_embedding"],
  [/^vision_model\.pre_layrnorm\./u, "visual.ln_pre."],
  [/^vision_model\.post_layernorm\./u, "visual.ln_post."],
  [/^vision_model\.encoder\.layers\.(\d+)\.layer_norm(\d)\./u, "visual.transformer.resblocks.$1.ln_$2."],
  [/^vision_model\.encoder\.layers\.(\d+)\.self_attn\.out_proj\./u, "visual.transformer.resblocks.$1.attn.out_proj."],
  [/^vision_model\.encoder\.layers\.(\d+)\.mlp\.fc1\./u, "visual.transformer.resblocks.$1.mlp.c_fc."],
  [/^vision_model\.encoder\.layers\.(\d+)\.mlp\.fc2\./u, "visual.transformer.resblocks.$1.mlp.c_proj."],
  [/^text_model\./u, "bert."],
];
const TRANSPOSED: ReadonlyMap<string, string> = new Map([
  ["text_projection.weight", "text_projection"],
  ["visual_projection.weight", "visual.proj"],
]);
const QUERY = /^vision_model\.encoder\.layers\.(\d+)\.self_attn\.q_proj\.(weight|bias)$/u;
const KEY_OR_VALUE = /^vision_model\.encoder\.layers\.\d+\.self_attn\.[kv]_proj\./u;

/** cn_clip's tensors of a model that has these of Hugging Face's, in their order. A ResNet's have cn_clip's names already. */
export function cnClipTensors(names: Iterable<string>): readonly CnClipTensor[] {
  return [...names].flatMap((name): CnClipTensor[] => {
    if (KEY_OR_VALUE.test(name)) return [];
    const [, block, kind] = QUERY.exec(name) ?? [];
    if (block !== undefined) {
      const parts = ["q_proj", "k_proj", "v_proj"].map((part) => name.replace("q_proj", part));
      return [{ name: `visual.transformer.resblocks.${block}.attn.in_proj_${kind ?? ""}`, parts, isTransposed: false }];
    }
    const projection = TRANSPOSED.get(name);
    const renamed = RENAMED.reduce((result, [pattern, replacement]) => result.replace(pattern, replacement), name);
    return [{ name: projection ?? renamed, parts: [name], isTransposed: projection !== undefined }];
  });
}
