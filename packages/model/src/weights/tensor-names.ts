/**
 * From the names that checkpoints use to one naming, Hugging Face's of the whole model. Follows transformers'
 * `convert_chinese_clip_original_pytorch_to_hf.py`, without its conversions: a fused projection becomes references to its thirds, a
 * transposed one is marked. cn_clip's ResNet, which transformers doesn't have, keeps its names: `visual.layer1.0.conv1.weight`.
 */
import { CheckpointError, quote, showName } from "../checkpoint-error.js";
import type { StoredTensor } from "./tensor-reference.js";

/** cn_clip's parameters of the model and of the vision transformer. */
const NAMES: ReadonlyMap<string, string> = new Map([
  ["visual.class_embedding", "vision_model.embeddings.class_embedding"],
  ["visual.conv1.weight", "vision_model.embeddings.patch_embedding.weight"],
  ["visual.positional_embedding", "vision_model.embeddings.position_embedding.weight"],
  ["visual.ln_pre.weight", "vision_model.pre_layrnorm.weight"],
  ["visual.ln_pre.bias", "vision_model.pre_layrnorm.bias"],
  ["visual.ln_post.weight", "vision_model.post_layernorm.weight"],
  ["visual.ln_post.bias", "vision_model.post_layernorm.bias"],
]);
/** Those that multiply from the right, `[inputs, outputs]`. */
const PROJECTIONS: ReadonlyMap<string, string> = new Map([
  ["visual.proj", "visual_projection.weight"],
  ["text_projection", "text_projection.weight"],
]);
/** The layers of a vision transformer's block. */
const BLOCK_LAYERS: ReadonlyMap<string, string> = new Map([
  ["ln_1", "layer_norm1"],
  ["ln_2", "layer_norm2"],
  ["attn.out_proj", "self_attn.out_proj"],
  ["mlp.c_fc", "mlp.fc1"],
  ["mlp.c_proj", "mlp.fc2"],
]);
const BLOCK = /^visual\.transformer\.resblocks\.(\d+)\.(.+?)[._](weight|bias)$/;
/** Flash attention's names for the text tower's. */
const FLASH_TEXT = /^bert\.(encoder\.layer\.\d+\.attention\.)self\.(Wqkv|out_proj)\.(weight|bias)$/;
/** cn_clip's text tower has a pooler that nothing uses; the others are counters. */
const IGNORED = /^bert\.pooler\.|(^|\.)(position_ids|num_batches_tracked)$/;

/** Whether a tensor of this name, Hugging Face's or cn_clip's, is a projection, which a graph takes either way round. */
export function isProjection(name: string): boolean {
  return PROJECTIONS.has(name) || [...PROJECTIONS.values()].includes(name);
}

/**
 * Names every tensor canonically.
 *
 * @param stored - the model's tensors by the names that it was saved with; those that cannot be used as the reason why.
 * @throws {@link CheckpointError} `malformed`, naming a tensor that is there twice, or stored in a way that no graph here takes.
 */
export function nameCanonically(stored: ReadonlyMap<string, StoredTensor | CheckpointError>): Map<string, StoredTensor | CheckpointError> {
  const isResNet = [...stored.keys()].some((name) => name.startsWith("visual.layer1."));
  const tensors = new Map<string, StoredTensor | CheckpointError>();
  for (const [name, tensor] of stored) {
    if (IGNORED.test(name)) continue;
    const isUsable = !(tensor instanceof CheckpointError);
    for (const [canonical, part] of canonicalParts(name, isUsable ? tensor : ANY_TENSOR, isResNet)) {
      if (tensors.has(canonical))
        reject(isUsable ? tensor : ANY_TENSOR, name, `each tensor once, but ${canonical} is there under another name too`);
      tensors.set(canonical, isUsable ? part : tensor);
    }
  }
  return tensors;
}

/** In the place of one that cannot be used, whose names are asked for. */
const ANY_TENSOR: StoredTensor = { dtype: "F32", shape: [3], file: "", byteOffset: 0, byteLength: 0, transposed: false };

function canonicalParts(name: string, tensor: StoredTensor, isResNet: boolean): readonly (readonly [string, StoredTensor])[] {
  const projection = PROJECTIONS.get(name);
  if (projection !== undefined) return [[projection, { ...tensor, transposed: !tensor.transposed }]];

  const [, block, layer = "", kind = ""] = BLOCK.exec(name) ?? [];
  if (block !== undefined) {
    const path = `vision_model.encoder.layers.${block}.`;
    if (layer === "attn.in_proj" || layer === "attn.Wqkv")
      return thirds(
        name,
        tensor,
        ["q_proj", "k_proj", "v_proj"].map((part) => `${path}self_attn.${part}.${kind}`),
      );
    return [[`${path}${BLOCK_LAYERS.get(layer) ?? layer}.${kind}`, tensor]];
  }

  const [, attention, flashLayer = "", flashKind = ""] = FLASH_TEXT.exec(name) ?? [];
  if (attention !== undefined) {
    const path = `text_model.${attention}`;
    if (flashLayer === "Wqkv")
      return thirds(
        name,
        tensor,
        ["query", "key", "value"].map((part) => `${path}self.${part}.${flashKind}`),
      );
    return [[`${path}output.dense.${flashKind}`, tensor]];
  }

  if (name.startsWith("bert.")) return [[`text_model.${name.slice("bert.".length)}`, tensor]];
  return [[(isResNet ? undefined : NAMES.get(name)) ?? name, tensor]];
}

/** A fused tensor's thirds, along its rows. */
function thirds(name: string, tensor: StoredTensor, names: readonly string[]): [string, StoredTensor][] {
  const [rows = 0, ...rest] = tensor.shape;
  if (rows % 3 !== 0 || tensor.transposed)
    reject(tensor, name, `rows for query, key and value one after the other, got shape ${quote(tensor.shape)}`);
  const byteLength = tensor.byteLength / 3;
  return names.map((part, i) => [
    part,
    {
      ...tensor,
      shape: [rows / 3, ...rest],
      byteOffset: tensor.byteOffset + i * byteLength,
      byteLength,
      ...(tensor.bytes === undefined ? {} : { bytes: tensor.bytes.subarray(i * byteLength, (i + 1) * byteLength) }),
    },
  ]);
}

function reject({ file }: StoredTensor, tensor: string, expected: string): never {
  throw new CheckpointError("malformed", `${file}: tensor ${showName(tensor)}: expected ${expected}`, { file, tensor });
}
