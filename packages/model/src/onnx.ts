/** `@chinese-clip/model/onnx`: ONNX files read and written, which a page that loads a checkpoint never needs. */
export { type CombinedOnnx, readCombinedOnnx } from "./onnx/read/combined-onnx.js";
export { type OnnxExport, type OnnxExportOptions, planOnnxExport } from "./onnx/plan-onnx-export.js";
export type { Piece } from "./onnx/write/rewrite-onnx.js";
