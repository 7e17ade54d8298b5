/** `@chinese-clip/model/graph`: graphs under construction and tensors in files, for programs that build on the towers, such as training. */
export { float, int, ints, string } from "./graph/ir/attributes.js";
export { type AttentionInputs, GraphBuilder, type Result } from "./graph/ir/graph-builder.js";
export { averagePool, batchNorm, conv, meanOver } from "./graph/ir/image-operators.js";
export { attentionSteps } from "./graph/lowering/attention.js";
export { gemm } from "./graph/lowering/gemm.js";
export { encodeModel } from "./onnx/write/encode-model.js";
export type { Model, OpsetVersion } from "./onnx/write/ir.js";
export { readTensorFile, type TensorFile } from "./weights/safetensors.js";
