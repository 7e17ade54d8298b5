/** `@chinese-clip/model/quantize`: towers in fp16, q8 and q4, which only the first load of a converted tower needs. */
export type { WeightIntegers } from "./quantize/conversion-step.js";
export { planTower, TOWER_FORMAT, type TowerFile } from "./quantize/plan-tower.js";
export { isTowerTensor } from "./quantize/tower-tensors.js";
