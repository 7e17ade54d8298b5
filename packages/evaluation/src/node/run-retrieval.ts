/**
 * Retrieval from whatever files there are, images and texts or their features or finished predictions, to recall.
 */
import { existsSync } from "node:fs";
import { join } from "node:path";
import { checkFeaturesOf, type RecordedEmbedder, DatasetError, readFeatures, readText, writeWhole } from "@chinese-clip/dataset";
import { type FeatureId, type Features, formatFeature } from "@chinese-clip/dataset/formats";
import { DIRECTIONS, type Direction } from "../cn-clip/direction.js";
import { formatJudgement, JUDGED, type Judgement, judgePredictions } from "../cn-clip/recall.js";
import { type Annotation, evaluateDirection, referenceOf } from "../cn-clip/retrieval.js";
import { EvaluationError } from "../evaluation-error.js";
import { embedAnnotatedTexts, embedTsvImages } from "./embed-data-set.js";
import type { ReportProgress } from "./progress.js";
import { readAnnotation, setName, writeRetrievalFiles } from "./retrieval-files.js";

/** The files of an evaluation of retrieval. */
export interface RetrievalFiles {
  /** The annotation, `*_texts.jsonl`. */
  readonly texts: string;
  /** Images, `*_imgs.tsv`, or their features. */
  readonly images: { readonly tsv: string } | { readonly features: string };
  /** The texts' features; embedded from the annotation where there are none. */
  readonly textFeatures: string | undefined;
}

/** What to do with them. */
export interface RetrievalRequest {
  readonly files: RetrievalFiles;
  readonly directions: readonly Direction[];
  /** Where result files go; none are written without it. */
  readonly output: string | undefined;
  /** Loads the model; called at most once, and only when something is to be embedded. */
  readonly openEmbedder: () => Promise<RecordedEmbedder>;
  readonly onProgress: ReportProgress;
}

/** One direction's result, as it is reported. */
export interface DirectionReport {
  readonly direction: Direction;
  readonly judgement: Judgement;
  readonly queries: number;
  /** Things searched. */
  readonly gallery: number;
  /** Files written. */
  readonly files: readonly string[];
}

/**
 * Evaluates retrieval.
 *
 * @returns one report for each direction; a failed judgement is a report too, and its file is written as cn_clip writes it.
 * @throws EvaluationError - files that cannot be used.
 */
export async function runRetrieval({ files, directions, output, openEmbedder, onProgress }: RetrievalRequest): Promise<DirectionReport[]> {
  const annotation = await readAnnotation(files.texts);
  // What is only read is read first: a mistake in it shows before minutes of embedding.
  const readTexts = files.textFeatures === undefined ? undefined : await readFeatures(files.textFeatures, "text_id");
  const readImages = "features" in files.images ? await readFeatures(files.images.features, "image_id") : undefined;
  const { texts, images } =
    readTexts !== undefined && readImages !== undefined
      ? { texts: readTexts, images: readImages }
      : await embedMissing(files, annotation, { texts: readTexts, images: readImages }, await openEmbedder(), onProgress);
  if (output !== undefined) {
    if ("tsv" in files.images) await writeFeatures(join(output, `${setName(files.texts)}_imgs.img_feat.jsonl`), "image_id", images);
    if (readTexts === undefined) await writeFeatures(join(output, `${setName(files.texts)}_texts.txt_feat.jsonl`), "text_id", texts);
  }
  const reports: DirectionReport[] = [];
  for (const direction of directions) {
    const result = await evaluateDirection(direction, annotation, { images, texts }, (done, total) => onProgress("search", done, total));
    const written = output === undefined ? [] : await writeRetrievalFiles(output, annotation, result);
    const queries = direction === "text-to-image" ? texts.ids.length : images.ids.length;
    reports.push({ direction, judgement: result.judgement, queries, gallery: result.gallery, files: written });
  }
  return reports;
}

/** Embeds what has not been read. */
async function embedMissing(
  { images: source, textFeatures }: RetrievalFiles,
  annotation: Annotation,
  read: { readonly texts: Features | undefined; readonly images: Features | undefined },
  embedder: RecordedEmbedder,
  onProgress: ReportProgress,
): Promise<{ readonly texts: Features; readonly images: Features }> {
  await checkOfModel(read.texts, textFeatures, embedder);
  if ("features" in source) await checkOfModel(read.images, source.features, embedder);
  const reportTexts = (done: number): void => onProgress("embed-texts", done, annotation.texts.length);
  const texts = read.texts ?? (await embedAnnotatedTexts(annotation.texts, embedder, reportTexts));
  if ("features" in source) return { texts, images: read.images ?? (await readFeatures(source.features, "image_id")) };
  const reportImages = (done: number): void => onProgress("embed-images", done, undefined);
  return { texts, images: await embedTsvImages(source.tsv, embedder, reportImages) };
}

/** @throws DatasetError - `other-model-length`, `other-model`: features that were read are not of the model that embeds the others. */
async function checkOfModel(features: Features | undefined, file: string | undefined, { dim, record }: RecordedEmbedder): Promise<void> {
  if (features === undefined) return;
  if (features.dim === dim) return file === undefined ? undefined : checkFeaturesOf(file, record);
  throw new DatasetError("other-model-length", { got: features.dim, expected: dim, file });
}

async function writeFeatures(file: string, idName: FeatureId, { ids, data, dim }: Features): Promise<void> {
  await writeWhole(
    file,
    (function* () {
      for (const [row, id] of ids.entries()) yield `${formatFeature(idName, id, data.subarray(row * dim, (row + 1) * dim))}\n`;
    })(),
  );
}

/**
 * Judges a finished prediction file, as `evaluation.py` or `evaluation_tr.py`.
 *
 * @param reference - the annotation `*_texts.jsonl`; for texts found by images also `*_texts.tr.jsonl`.
 * @throws EvaluationError - `missing`; failures in the files are a judgement, as there.
 */
export async function judgePredictionFile(
  { reference, predictions, direction }: { readonly reference: string; readonly predictions: string; readonly direction: Direction },
  output: string | undefined,
): Promise<DirectionReport> {
  const [content, submitted] = [await readText(reference), await readText(predictions)];
  const inverted = direction === "image-to-text" && !content.includes('"text_ids"');
  const golden = inverted ? referenceOf(await readAnnotation(reference), direction) : content;
  const judgement = judgePredictions(golden, submitted, direction);
  if (output !== undefined) await writeWhole(output, [formatJudgement(judgement)]);
  return {
    direction,
    judgement,
    queries: judgement.success ? judgement.queries : 0,
    gallery: JUDGED,
    files: output === undefined ? [] : [output],
  };
}

/**
 * The files of a set by cn_clip's names, `<folder>/<split>_texts.jsonl` and so on.
 *
 * @param embed - whether there is a model to embed with: then images and texts come before features, which may be another model's.
 * @throws EvaluationError - `missing-retrieval-file`, `missing-retrieval-images`: neither images nor features, or no texts.
 */
export function findRetrievalFiles(folder: string, split: string, embed: boolean): RetrievalFiles {
  const present = (ending: string): string | undefined => {
    const file = join(folder, `${split}_${ending}`);
    return existsSync(file) ? file : undefined;
  };
  const texts = present("texts.jsonl");
  const features = present("imgs.img_feat.jsonl");
  const tsv = present("imgs.tsv");
  const images = tsv !== undefined && (embed || features === undefined) ? { tsv } : features === undefined ? undefined : { features };
  if (texts === undefined) throw new EvaluationError("missing-retrieval-file", { expected: `${split}_texts.jsonl`, file: folder });
  if (images === undefined) {
    const [tsvName, featureName] = [`${split}_imgs.tsv`, `${split}_imgs.img_feat.jsonl`];
    throw new EvaluationError("missing-retrieval-images", { tsv: tsvName, features: featureName, file: folder });
  }
  return { texts, images, textFeatures: embed ? undefined : present("texts.txt_feat.jsonl") };
}

/** The directions that a word asks for. */
export function directionsOf(word: string): readonly Direction[] | undefined {
  if (word === "both") return DIRECTIONS;
  const one = DIRECTIONS.find((direction) => direction === word);
  return one === undefined ? undefined : [one];
}
