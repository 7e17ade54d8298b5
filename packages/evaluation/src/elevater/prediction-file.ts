/**
 * The prediction file of the ELEVATER benchmark, as cn_clip's `zeroshot_evaluation.py` writes it: one line of JSON, probabilities rounded to
 * six decimals, rows in the order of an optional `index.json`.
 */
import { formatPythonFloat } from "@chinese-clip/dataset/formats";
import { formatJsonString, roundToSixDecimals } from "../python/python-format.js";

/** What the file says of the model and the data. */
export interface ElevaterHead {
  /** `CN-CLIP-ViT-B-16` and the like. */
  readonly modelName: string;
  /** Name of the data set. */
  readonly datasetName: string;
  /** Parameters of the whole model. */
  readonly parameters: number;
  /** Parameters of its image tower. */
  readonly visualParameters: number;
}

/**
 * The file's text in pieces, a row each: of a large data set it is larger than a string can be.
 *
 * @param rows - probabilities, one array for each image.
 * @param index - which row comes where; each in turn if it is left out.
 */
export function* formatElevater(
  head: ElevaterHead,
  rows: readonly Float32Array[],
  index?: readonly number[],
): Generator<string, void, undefined> {
  yield [
    `{"model_name": ${formatJsonString(head.modelName)}`,
    `"dataset_name": ${formatJsonString(head.datasetName)}`,
    `"num_trainable_params": 0`,
    `"num_params": ${head.parameters}`,
    `"num_visual_params": ${head.visualParameters}`,
    `"num_backbone_params": ${head.parameters}`,
    `"n_shot": 0`,
    `"rnd_seeds": [123]`,
    `"predictions": [[`,
  ].join(", ");
  const order = index ?? rows.map((_, row) => row);
  for (const [position, row] of order.entries()) {
    const values = Array.from(rows.at(row) ?? [], (value) => formatPythonFloat(roundToSixDecimals(value)));
    yield `${position === 0 ? "" : ", "}[${values.join(", ")}]`;
  }
  yield "]]}";
}
