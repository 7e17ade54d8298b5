/**
 * The search package's errors as the command's own, in both languages.
 */
import { SearchError } from "@chinese-clip/search";
import { UsageError } from "../command.js";
import { EvaluationError } from "../evaluation/evaluation-error.js";
import { missingFile } from "../evaluation/read-lines.js";
import { t, untranslated } from "../translation/translate.js";

/** Does `work`; an error of the search package becomes the command's. */
export async function withSearchErrors<Result>(work: () => Result | Promise<Result>): Promise<Result> {
  try {
    return await work();
  } catch (error) {
    throw error instanceof SearchError ? translate(error) : error;
  }
}

function translate(error: SearchError): Error {
  const { code, details, cause } = error;
  const { file, line, text, expected, actual } = details;
  const place = { file, line, cause: error };
  switch (code) {
    case "missing-file":
      return missingFile(file ?? "", cause);
    case "no-rows":
      return new EvaluationError("empty", t`no rows in it`, place);
    case "no-features":
      return new EvaluationError("empty", t`no features in it; expected lines such as {"image_id": 1, "feature": […]}`, place);
    case "npy-format":
      return new EvaluationError(
        "malformed",
        t`expected a .npy of float32 rows (descr '<f4', C order); save it with array.astype('float32')`,
        place,
      );
    case "npy-truncated":
      return expected === undefined
        ? new EvaluationError("malformed", t`the file became shorter while it was read`, place)
        : new EvaluationError("malformed", t`expected ${expected} rows, but the file is cut off; copy or embed it again`, place);
    case "invalid-line":
      return new EvaluationError("malformed", t`expected a JSON object, {…}, as embed writes it`, place);
    case "invalid-feature":
      return new EvaluationError("malformed", t`expected a field "feature" with a list of finite numbers`, place);
    case "dimension-mismatch":
      return new EvaluationError(
        "dimension",
        t`its features have ${actual} values and the model's ${expected}: they are of another model. Name that one with --model, or embed again`,
        place,
      );
    case "empty-part":
      return new UsageError(t`query: expected a text or @file in each part, got an empty one in ${text}`);
    case "zero-weight":
      return new UsageError(t`query: expected weights above 0, got ${text}`);
    case "unterminated-quote":
      return new UsageError(t`query: unterminated quote in ${text}`);
    case "zero-query":
      return new UsageError(t`query: its parts cancel out; change a weight`);
    case "fingerprint-mismatch":
    case "non-finite":
    case "invalid-id":
    case "invalid-filter":
    case "closed":
      return new EvaluationError("malformed", untranslated(error.message), { cause: error });
  }
}
