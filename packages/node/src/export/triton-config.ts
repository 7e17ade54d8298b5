/**
 * `config.pbtxt` of a Triton model repository (triton-inference-server, `docs/user_guide/model_configuration.md`): what a server asks to
 * be told about a model. Triton adds the batch axis itself, so no `dims` has it.
 */
import type { ChineseCLIPConfig } from "@chinese-clip/model";

/** One input or output. */
interface TritonTensor {
  readonly name: string;
  readonly type: "TYPE_INT64" | "TYPE_FP32";
  readonly dims: readonly number[];
}

/** What Triton needs to know of one tower. */
export interface TritonModel {
  /** The model's name, which is its folder's. */
  readonly name: string;
  readonly inputs: readonly string[];
  readonly output: string;
  readonly config: ChineseCLIPConfig;
  /** Rows that the server may put together. */
  readonly maxBatchSize: number;
}

/** The text of a tower's `config.pbtxt`; its requests are batched by the server. */
export function tritonConfig({ name, inputs, output, config, maxBatchSize }: TritonModel): string {
  const { numChannels, imageSize } = config.visionConfig;
  const inputOf = (input: string): TritonTensor =>
    input === "pixel_values"
      ? { name: input, type: "TYPE_FP32", dims: [numChannels, imageSize, imageSize] }
      : { name: input, type: "TYPE_INT64", dims: [-1] };
  return `name: "${name}"
backend: "onnxruntime"
max_batch_size: ${maxBatchSize}
input [
${inputs.map((one) => tensor(inputOf(one))).join(",\n")}
]
output [
${tensor({ name: output, type: "TYPE_FP32", dims: [config.projectionDim] })}
]
dynamic_batching { }
`;
}

function tensor({ name, type, dims }: TritonTensor): string {
  return `  {
    name: "${name}"
    data_type: ${type}
    dims: [ ${dims.join(", ")} ]
  }`;
}
