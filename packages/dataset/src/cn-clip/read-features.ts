/**
 * Reads cn_clip's feature files whole.
 */
import { DatasetError } from "../dataset-error.js";
import { readLines } from "../files/read-lines.js";
import { type FeatureId, type Features, parseFeature } from "./feature-lines.js";

/**
 * Reads a feature file. Values are rounded to float32, as cn_clip does.
 *
 * @throws DatasetError - no such file, nothing in it; with the line, one that is not in this format.
 */
export async function readFeatures(file: string, idName: FeatureId): Promise<Features> {
  const lineOf = new Map<number, number>();
  const rows: Float32Array[] = [];
  for await (const { number, text } of readLines(file)) {
    const { id, feature } = parseFeature(text, idName, file, number);
    const before = lineOf.get(id);
    if (before !== undefined) {
      throw new DatasetError("duplicate-id", { name: idName, id, before, file, line: number });
    }
    const dim = rows[0]?.length ?? feature.length;
    if (feature.length !== dim) {
      throw new DatasetError("feature-length", { expected: dim, got: feature.length, file, line: number });
    }
    lineOf.set(id, number);
    rows.push(feature);
  }
  const dim = rows[0]?.length ?? 0;
  if (dim === 0) throw new DatasetError("no-features", { name: idName, file });
  const data = new Float32Array(rows.length * dim);
  for (const [row, feature] of rows.entries()) data.set(feature, row * dim);
  return { ids: [...lineOf.keys()], data, dim };
}
