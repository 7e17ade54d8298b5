/**
 * What labels an image by its embedding: labels without training, or a few-shot classifier.
 */
import type { ChineseCLIP } from "@chinese-clip/node";
import { checkClassifierModel, classifyEmbedding, type ImageClassifier } from "@chinese-clip/pipeline/classifier";
import { embedClasses, labelImage } from "@chinese-clip/pipeline/zero-shot";
import { preprocessEvalText } from "@chinese-clip/tokenizer";
import type { ShownLabels } from "../reports/label-rows.js";

/** Labels images. */
export interface Labeller {
  /** All labels that an image may get. */
  readonly labels: readonly string[];
  /** The labels of an image. */
  label(embedding: Float32Array): ShownLabels;
}

/** What makes a labeller, once the model is loaded. */
export type OpenLabeller = (clip: ChineseCLIP, signal: AbortSignal) => Promise<Labeller>;

/** Labels by cosines with texts. */
export interface ZeroShotLabels {
  readonly labels: readonly string[];
  /** Labels for none of these. */
  readonly negatives: readonly string[];
  readonly templates: readonly string[];
  /** Smallest cosine. */
  readonly threshold: number | undefined;
  readonly top: number;
}

/** Labels without training. */
export function zeroShotLabeller({ labels, negatives, templates, threshold, top }: ZeroShotLabels): OpenLabeller {
  return async (clip, signal) => {
    const all = [...labels, ...negatives];
    const embedTexts = (texts: readonly string[]) => clip.embedText(texts, { signal });
    const classes = await embedClasses(all, templates, embedTexts, { prepare: preprocessEvalText });
    const set = { labels: all, positives: labels.length, classes, logitScale: clip.model.logitScale };
    return { labels, label: (embedding) => labelImage(embedding, set, threshold, top) };
  };
}

/** Labels of a classifier. @param threshold - smallest probability. */
export function classifierLabeller(classifier: ImageClassifier, threshold: number | undefined, top: number): OpenLabeller {
  return async (clip, signal) => {
    await checkClassifierModel(classifier, clip, { signal });
    return {
      labels: classifier.head.classes,
      label: (embedding) => {
        const ranked = classifyEmbedding(classifier.head, embedding);
        const reached = ranked.filter(({ score }) => score >= (threshold ?? 0));
        return { best: reached.slice(0, top), none: reached.length === 0 ? "threshold" : undefined, closest: ranked[0] };
      },
    };
  };
}
