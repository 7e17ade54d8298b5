/**
 * What a search of features in files found, with what their metadata say of each row.
 */
import type { FoundRow } from "../top-k/top-rows.js";

/** One result. */
export interface Hit {
  /** From 1, best first. */
  readonly rank: number;
  /** As {@link FoundRow.score}. */
  readonly score: number;
  /** `image_id` or `text_id`. */
  readonly id: number | undefined;
  /** `image_path`, or a text's `caption`. */
  readonly path: string | undefined;
}

/** One row's metadata: a parsed JSON object. */
export type RowMetadata = Readonly<Record<string, unknown>>;

/** A found row with its metadata. */
export function hitOf(index: number, { score }: FoundRow, metadata: RowMetadata): Hit {
  const { image_id: image, text_id: text, image_path: imagePath, caption } = metadata;
  const [id, path] = [image ?? text, imagePath ?? caption];
  return {
    rank: index + 1,
    score,
    id: typeof id === "number" ? id : undefined,
    path: typeof path === "string" ? path : undefined,
  };
}
