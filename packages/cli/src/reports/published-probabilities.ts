/**
 * The one example whose result the reference publishes (README of OFA-Sys/Chinese-CLIP): four labels on one image with ViT-B/16, and how far from
 * it a dtype may be.
 */
import { formatTable } from "../terminal/table.js";

/** An image, labels for it, and the probabilities that somebody published for them. */
export interface PublishedExample {
  /** A hub's name of the model that the probabilities are of. */
  readonly model: string;
  /** The image's address. */
  readonly image: string;
  /** Labels, without a template, and their probabilities. */
  readonly probabilities: readonly (readonly [label: string, probability: number])[];
}

/** The reference's own. */
export const PUBLISHED_EXAMPLE: PublishedExample = {
  model: "OFA-Sys/chinese-clip-vit-base-patch16",
  image: "https://clip-cn-beijing.oss-cn-beijing.aliyuncs.com/pokemon.jpeg",
  probabilities: [
    ["杰尼龟", 1.2686e-3],
    ["妙蛙种子", 5.4499e-2],
    ["小火龙", 6.7968e-4],
    ["皮卡丘", 9.4355e-1],
  ],
};

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
 * @param probabilities - one for each label, in their order. A missing one counts as NaN, and NaN never passes.
 * @param isPublished - whether they are of the example's model.
 */
export function checkProbabilities(
  { probabilities: published }: PublishedExample,
  probabilities: readonly number[],
  dtype: string,
  isPublished: boolean,
): PublishedCheck {
  const bound = dtype === "fp32" ? 1e-3 : 5e-3;
  const labels = published.map(([label, value], i) => {
    const probability = probabilities[i] ?? Number.NaN;
    return isPublished
      ? { label, probability, published: value, difference: probability - value }
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
