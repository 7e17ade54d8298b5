/**
 * The two directions of retrieval: one table of the names that differ between cn_clip's scripts for images found by texts
 * (`make_topk_predictions.py`, `evaluation.py`) and those for texts found by images (`*_tr.py`).
 */

/** Images found by a text, or texts found by an image. */
export type Direction = "text-to-image" | "image-to-text";

/** Both directions, in the order in which results are given. */
export const DIRECTIONS: readonly Direction[] = ["text-to-image", "image-to-text"];

/** What a direction's files and messages call things. */
export interface DirectionNames {
  /** The query's id in the files. */
  readonly query: "text_id" | "image_id";
  /** The found ids in the files. */
  readonly found: "image_ids" | "text_ids";
  /** One found id, in messages. */
  readonly foundOne: "image_id" | "text_id";
  /** The query's id at the start of a message. */
  readonly Query: "Text_id" | "Image_id";
  /** Several things found, in messages. */
  readonly foundThings: "images" | "texts";
}

/** Direction to its names. */
export const DIRECTION_NAMES: Readonly<Record<Direction, DirectionNames>> = {
  "text-to-image": { query: "text_id", found: "image_ids", foundOne: "image_id", Query: "Text_id", foundThings: "images" },
  "image-to-text": { query: "image_id", found: "text_ids", foundOne: "text_id", Query: "Image_id", foundThings: "texts" },
};
