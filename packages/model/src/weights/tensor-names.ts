/**
 * From the names that checkpoints use to one naming, Hugging Face's of the whole model. Follows transformers'
 * `convert_chinese_clip_original_pytorch_to_hf.py`, without its conversions: a fused projection becomes references to its thirds, a
 * transposed one is marked. cn_clip's ResNet, which transformers doesn't have, keeps its names: `visual.layer1.0.conv1.weight`.
 */
import { CheckpointError, quote } from "../checkpoint-error.js";
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

/**
 * Names every tensor canonically.
 *
 * @param stored - name in a file -> reference; all files of one checkpoint.
 * @throws {@link CheckpointError} `malformed`, naming a tensor that is there twice, or stored in a way that no graph here takes.
 */
export function nameCanonically(stored: ReadonlyMap<string, StoredTensor>): Map<string, StoredTensor> {
  const plain = new Map([...stored].map(([name, tensor]) => [name.replace(/^module\./, ""), tensor])); // DistributedDataParallel's prefix
  const isResNet = [...plain.keys()].some((name) => name.startsWith("visual.layer1."));
  const prefix = missingPrefix(plain);
  const tensors = new Map<string, StoredTensor>();
  for (const [name, tensor] of plain) {
    if (IGNORED.test(name)) continue;
    for (const [canonical, part] of canonicalParts(prefix + name, tensor, isResNet)) {
      if (tensors.has(canonical)) refuse(tensor, name, `each tensor once, but ${canonical} is there under another name too`);
      if (part.transposed && ![...PROJECTIONS.values()].includes(canonical))
        refuse(tensor, name, "elements row by row, but it is a transposed view; save a contiguous() copy");
      tensors.set(canonical, part);
    }
  }
  if (plain.size < stored.size)
    throw new CheckpointError("malformed", "expected each tensor once, but some are there with and without module.");
  return tensors;
}

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
    refuse(tensor, name, `rows for query, key and value one after the other, got shape ${quote(tensor.shape)}`);
  const byteLength = tensor.byteLength / 3;
  return names.map((part, i) => [
    part,
    { ...tensor, shape: [rows / 3, ...rest], byteOffset: tensor.byteOffset + i * byteLength, byteLength },
  ]);
}

/** A tower that transformers 5 saved alone has no prefix; its embeddings tell which tower it is. */
function missingPrefix(tensors: ReadonlyMap<string, unknown>): string {
  if (tensors.has("embeddings.word_embeddings.weight")) return "text_model.";
  if (tensors.has("embeddings.class_embedding")) return "vision_model.";
  return "";
}

function refuse({ file }: StoredTensor, tensor: string, expected: string): never {
  throw new CheckpointError("malformed", `${file}: tensor ${tensor}: expected ${expected}`, { file, tensor });
}
