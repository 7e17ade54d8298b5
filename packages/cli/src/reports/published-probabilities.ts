/**
 * The one example whose result the reference publishes (README of OFA-Sys/Chinese-CLIP): four labels on one image with ViT-B/16, and how far from
 * it a dtype may be.
 */
import { formatTable } from "../terminal/table.js";

/** The model that the probabilities are of. */
export const PUBLISHED_MODEL = "OFA-Sys/chinese-clip-vit-base-patch16";

/** The image that they are of. */
export const PUBLISHED_IMAGE = "https://clip-cn-beijing.oss-cn-beijing.aliyuncs.com/pokemon.jpeg";

/** Labels, without a template, and their published probabilities. */
const PUBLISHED: readonly (readonly [label: string, probability: number])[] = [
  ["杰尼龟", 1.2686e-3],
  ["妙蛙种子", 5.4499e-2],
  ["小火龙", 6.7968e-4],
  ["皮卡丘", 9.4355e-1],
];

/** Labels of the published example, in its order. */
export const PUBLISHED_LABELS: readonly string[] = PUBLISHED.map(([label]) => label);

/** A label's probability on this machine; beside the published one where the model is the published one. */
export interface LabelCheck {
  readonly label: string;
  readonly probability: number;
  readonly published: number | undefined;
  /** `probability` less `published`. */
  readonly difference: number | undefined;
}

/** The probabilities of this machine, judged. */
export interface PublishedCheck {
  readonly labels: readonly LabelCheck[];
  /** Maximum absolute difference that passes. */
  readonly bound: number;
  /** Undefined where no value is published for the model. */
  readonly passed: boolean | undefined;
}

/**
 * Compares probabilities with the published ones.
 *
 * @param probabilities - one for each of {@link PUBLISHED_LABELS}, in their order. A missing one counts as NaN, and NaN never passes.
 * @param isPublished - whether they are of {@link PUBLISHED_MODEL}.
 */
export function checkProbabilities(probabilities: readonly number[], dtype: string, isPublished: boolean): PublishedCheck {
  const bound = dtype === "fp32" ? 1e-3 : 5e-3;
  const labels = PUBLISHED.map(([label, published], i) => {
    const probability = probabilities[i] ?? Number.NaN;
    return isPublished
      ? { label, probability, published, difference: probability - published }
      : { label, probability, published: undefined, difference: undefined };
  });
  const passed = isPublished ? labels.every(({ difference = Number.NaN }) => Math.abs(difference) <= bound) : undefined;
  return { labels, bound, passed };
}

/** The check as a table. */
export function formatCheck({ labels, passed }: PublishedCheck, language: "en" | "zh"): string {
  const head = language === "zh" ? ["标签", "本机概率", "公布值", "差"] : ["label", "here", "published", "difference"];
  const rows = labels.map(({ label, probability, published, difference }) =>
    published === undefined || difference === undefined
      ? [label, probability.toFixed(6)]
      : [label, probability.toFixed(6), published.toFixed(6), difference.toFixed(6)],
  );
  return formatTable([passed === undefined ? head.slice(0, 2) : head, ...rows]);
}
