export { CheckpointError, type CheckpointErrorCode } from "./checkpoint-error.js";
export type { Activation } from "./config/activation.js";
export { ChineseCLIPConfig } from "./config/config.js";
export { inferConfig, parseCnClipConfig } from "./config/release-config.js";
export { ModifiedResNetConfig } from "./config/modified-resnet-config.js";
export { parseVisionConfig, type VisionConfig } from "./config/parse-vision-config.js";
export { ChineseCLIPTextConfig } from "./config/text-config.js";
export { ChineseCLIPVisionConfig } from "./config/vision-config.js";
export { buildTextGraph, buildVisionGraph } from "./graph/build-graph.js";
export type { TowerOutputs } from "./tower-outputs.js";
export { encodeForDevice } from "./graph/encode-for-device.js";
export { encodeGraph, type TowerGraph } from "./graph/encode-graph.js";
export type { TryGraph } from "./graph/lowering/fused-attention-check.js";
export type { Graph, GraphTarget, NamedTensor, Storage, Value } from "./graph/ir/graph.js";
export type { EncodedGraph } from "./onnx/write/encoded-graph.js";
export type { Attribute, Dimension, ElementType, ExternalData, Initializer, Node, ValueInfo } from "./onnx/write/ir.js";
export { type PackedBuffer, type PackedGraph, type PackedRange, packWeights } from "./onnx/write/pack-weights.js";
export type { TowerDtype, TowerName } from "./quantize/conversion-step.js";
export { quantizedDtype } from "./quantize/quantized-dtype.js";
export { ChineseCLIPModel, type ModelInputs, type ModelOutput } from "./towers/chinese-clip-model.js";
export { ChineseCLIPTextModel } from "./towers/chinese-clip-text-model.js";
export { ChineseCLIPVisionModel } from "./towers/chinese-clip-vision-model.js";
export type { ModelParts } from "./towers/model-parts.js";
export type { CreateSession, GraphSession } from "./towers/session.js";
export type { KernelCalls, ResidentBindings, ResidentSession, ResidentTensor, TrainingRuntime } from "./towers/training-runtime.js";
export { WorkerError } from "./towers/worker-error.js";
export type { TextInputs } from "./towers/text-tower.js";
export type { StateOptions, TowerStates } from "./towers/tower-states.js";
export {
  checkpointGraphs,
  checkpointTextGraphs,
  checkpointVisionGraphs,
  type TextGraphs,
  type TowerGraphs,
  type VisionGraphs,
} from "./towers/tower-graphs.js";
export type { ImageInputs } from "./towers/vision-tower.js";
export { describeOtherFile } from "./weights/describe-other-file.js";
export type { ByteSource, CheckpointFile } from "./weights/byte-source.js";
export { Checkpoint, type CheckpointFaults, readCheckpoint } from "./weights/checkpoint.js";
export { safetensorsHeader, type TensorHeader } from "./weights/safetensors-header.js";
export { parseShardIndex, type ShardIndex } from "./weights/shard-index.js";
export type { StoredTensor, TensorReference, WeightDtype } from "./weights/tensor-reference.js";
