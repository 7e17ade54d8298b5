export { meanDirection, norm, normalize, weightedSum, writeNormalizedRows } from "./normalize.js";
export { checkNumbers, cosine, dot, dotAt } from "./products.js";
export { softmax } from "./softmax.js";
