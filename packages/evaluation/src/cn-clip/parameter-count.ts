/**
 * How many parameters a model has, as cn_clip counts them (`sum(x.numel() for x in model.parameters())`): from its configuration, so that no
 * weight is looked at. What is in a checkpoint beside them (a BERT pooler, the statistics of batch normalisation) does not count.
 */
import type { ChineseCLIPConfig } from "@chinese-clip/model";

type VisionConfig = ChineseCLIPConfig["visionConfig"];
type VisionTransformerConfig = Extract<VisionConfig, { readonly kind: "visionTransformer" }>;
type ModifiedResNetConfig = Extract<VisionConfig, { readonly kind: "modifiedResNet" }>;

/** Parameters of a model. */
export interface ParameterCount {
  /** Parameters of both towers, and the logit scale. */
  readonly total: number;
  /** Parameters of the image tower, projection included. */
  readonly visual: number;
}

/** Counts the parameters of a model with this configuration. */
export function countParameters(config: ChineseCLIPConfig): ParameterCount {
  const { visionConfig: vision, projectionDim } = config;
  const visual = vision.kind === "visionTransformer" ? countVisionTransformer(vision, projectionDim) : countResNet(vision, projectionDim);
  return { visual, total: visual + countText(config) + 1 }; // the logit scale
}

const linear = (inputs: number, outputs: number): number => inputs * outputs + outputs;
const norm = (width: number): number => 2 * width;

function countText({ textConfig, projectionDim }: ChineseCLIPConfig): number {
  const { hiddenSize: width, intermediateSize: inner, numHiddenLayers, vocabSize, maxPositionEmbeddings, typeVocabSize } = textConfig;
  const embeddings = (vocabSize + maxPositionEmbeddings + typeVocabSize) * width + norm(width);
  const layer = 4 * linear(width, width) + norm(width) + linear(width, inner) + linear(inner, width) + norm(width);
  return embeddings + numHiddenLayers * layer + width * projectionDim;
}

function countVisionTransformer(config: VisionTransformerConfig, projectionDim: number): number {
  const { hiddenSize: width, intermediateSize: inner, numHiddenLayers, patchSize, numChannels, gridSize } = config;
  const embeddings = width + (gridSize ** 2 + 1) * width + numChannels * patchSize ** 2 * width;
  const layer = norm(width) + 4 * linear(width, width) + norm(width) + linear(width, inner) + linear(inner, width);
  return embeddings + norm(width) + numHiddenLayers * layer + norm(width) + width * projectionDim;
}

/** Outputs of a bottleneck for each of its inner channels. */
const EXPANSION = 4;

function countResNet({ width, layers, numChannels, gridSize }: ModifiedResNetConfig, projectionDim: number): number {
  const convolution = (inputs: number, outputs: number, kernel: number): number => inputs * outputs * kernel ** 2 + norm(outputs);
  const half = width / 2;
  let count = convolution(numChannels, half, 3) + convolution(half, half, 3) + convolution(half, width, 3);
  let inputs = width;
  for (const [stage, blocks] of layers.entries()) {
    const inner = width * 2 ** stage;
    const outputs = inner * EXPANSION;
    for (let block = 0; block < blocks; block++) {
      count += convolution(inputs, inner, 1) + convolution(inner, inner, 3) + convolution(inner, outputs, 1);
      if (block === 0) count += convolution(inputs, outputs, 1);
      inputs = outputs;
    }
  }
  return count + (gridSize ** 2 + 1) * inputs + 3 * linear(inputs, inputs) + linear(inputs, projectionDim);
}

/** Hidden size to the letter of the published models. */
const LETTERS: Readonly<Record<number, string>> = { 768: "B", 1024: "L", 1280: "H" };

/** cn_clip's name for a model of this shape, `ViT-B-16` and the like; undefined for other shapes. */
export function publishedName({ visionConfig: vision }: ChineseCLIPConfig): string | undefined {
  if (vision.kind === "modifiedResNet") return vision.width === 64 && vision.layers.join() === "3,4,6,3" ? "RN50" : undefined;
  const letter = LETTERS[vision.hiddenSize];
  if (letter === undefined) return undefined;
  return `ViT-${letter}-${vision.patchSize}${vision.imageSize === 224 ? "" : `-${vision.imageSize}`}`;
}
