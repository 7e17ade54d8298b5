/**
 * cn_clip's `*_imgs.tsv`: a line for each picture, its id, a tab, the file's bytes in base64.
 */
import { EvaluationError } from "./evaluation-error.js";
import { readLines } from "./read-lines.js";
import { t } from "../translation/translate.js";

/** One picture of a `*_imgs.tsv`. */
export interface TsvPicture {
  readonly id: number;
  /** The encoded picture: JPEG, PNG and so on. */
  readonly bytes: Uint8Array;
  /** The line that it is on, counted from 1. */
  readonly line: number;
}

/** Standard and URL-safe base64, which cn_clip's reader both takes. */
const BASE64 = /^[A-Za-z0-9+/_-]+={0,2}$/;

/**
 * The pictures of a `*_imgs.tsv`, one after the other.
 *
 * @throws EvaluationError - `missing`; `empty`; with the line: `malformed`, `invalid-id`, `duplicate-id`.
 */
export async function* readImageTsv(file: string): AsyncGenerator<TsvPicture, void, undefined> {
  const lineOf = new Map<number, number>();
  for await (const { number: line, text } of readLines(file)) {
    const picture = parseLine(text.trim(), file, line);
    const before = lineOf.get(picture.id);
    if (before !== undefined) {
      throw new EvaluationError("duplicate-id", t`id ${picture.id} is on line ${before} already; give each picture its own`, {
        file,
        line,
      });
    }
    lineOf.set(picture.id, line);
    yield picture;
  }
  if (lineOf.size === 0) throw new EvaluationError("empty", t`no pictures in it; expected lines of an id, a tab and base64`, { file });
}

function parseLine(text: string, file: string, line: number): TsvPicture {
  const [id = "", base64, ...more] = text.split("\t");
  if (base64 === undefined || more.length > 0) {
    throw new EvaluationError(
      "malformed",
      t`expected an id, a tab and the picture in base64, got ${more.length + (base64 === undefined ? 1 : 2)} fields`,
      {
        file,
        line,
      },
    );
  }
  if (!/^-?\d+$/.test(id) || !Number.isSafeInteger(Number(id))) {
    const shown = id.length > 40 ? `${id.slice(0, 40)}…` : id;
    throw new EvaluationError(
      "invalid-id",
      t`expected a whole number up to 2^53 as id, got ${shown}; number the pictures if their ids are names`,
      {
        file,
        line,
      },
    );
  }
  if (!BASE64.test(base64) || base64.replace(/=+$/, "").length % 4 === 1) {
    throw new EvaluationError("malformed", t`expected base64 after the tab; is the line cut off?`, { file, line });
  }
  return { id: Number(id), bytes: Buffer.from(base64, "base64"), line };
}
