/**
 * Which tensors belong to a tower, by Hugging Face's names and cn_clip's for its ResNet. Everything else in a checkpoint is not the model's.
 */
import type { TowerName } from "./conversion-step.js";

/** The scale that joins the towers goes with the texts, as in every tower file. */
const TOWER_TENSORS: Readonly<Record<TowerName, RegExp>> = {
  text: /^text_model\.|^text_projection\.weight$|^logit_scale$/u,
  vision: /^(?:vision_model|visual)\.|^visual_projection\.weight$/u,
};

/** Whether a tensor of this name belongs to a tower. */
export function isTowerTensor(tower: TowerName, name: string): boolean {
  return TOWER_TENSORS[tower].test(name);
}
