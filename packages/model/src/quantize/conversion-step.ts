/**
 * A part of a tower's conversion: which tensors it gives, known from names and shapes alone, and how their bytes are made.
 */
import type { TensorHeader } from "../weights/safetensors-header.js";

/** Which of the two towers. */
export type TowerName = "text" | "vision";

/** A dtype that weights are converted to. */
export type TowerDtype = "fp16" | "q8" | "q4";

/**
 * How a linear layer's 8 bits lie in the file: around zero, or moved by 128. The products are the same; without VNNI an x64 processor has exact ones of
 * uint8 with uint8 only, and ONNX Runtime would move the weights whenever it loads them.
 */
export type WeightIntegers = "int8" | "uint8";

/** Some tensors of the file, and how to make their bytes. */
export interface ConversionStep {
  readonly tensors: readonly TensorHeader[];
  /** Reads the source's weights; one array for each tensor, of its size. */
  make(): Promise<readonly ArrayBufferView[]>;
}
