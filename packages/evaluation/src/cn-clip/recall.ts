/**
 * cn_clip's judgement of predictions: `evaluation.py` for images found by texts, `evaluation_tr.py` for texts found by images. The
 * checks come in its order and fail with its words, typing errors and a variable that it reads before it is set included, because the
 * words go into its result file.
 */
import { type Direction, DIRECTION_NAMES, type DirectionNames } from "./direction.js";
import { loadPythonJson, PythonJsonError } from "../python/python-json.js";
import { dumpPythonJson, pythonStr } from "../python/python-format.js";
import { pythonSetDifference } from "../python/python-set.js";
import {
  equalityKey,
  isDict,
  isInt,
  isList,
  type PythonDict,
  type PythonList,
  type PythonValue,
  typeName,
} from "../python/python-value.js";

/** Found ids that are judged for each query: `k` in `evaluation.py`. */
export const JUDGED = 10;

/** Recall in percent: of how many queries something right is among the first one, five or ten found. */
export interface Recall {
  /** Something right came first. */
  readonly r1: number;
  /** Something right was among the first five. */
  readonly r5: number;
  /** Something right was among the first ten. */
  readonly r10: number;
  /** The mean of the three. */
  readonly meanRecall: number;
}

/** Recall, or why cn_clip's script would have given none. */
export type Judgement =
  | { readonly success: true; readonly recall: Recall; readonly queries: number }
  | { readonly success: false; readonly reason: string; readonly place: FailurePlace | undefined };

/** The line that a judgement failed at. */
export interface FailurePlace {
  /** Which of the two files. */
  readonly file: "reference" | "predictions";
  /** Counted from 1. */
  readonly line: number;
}

/** What a query's right answers and predictions are kept under, by Python's equality. */
interface Entry {
  readonly id: PythonValue;
  readonly values: PythonValue;
}

/** A failure in cn_clip's words. */
class JudgementFailure extends Error {
  readonly place: FailurePlace | undefined;

  constructor(message: string, place?: FailurePlace) {
    super(message);
    this.place = place;
  }
}

/** Calls `read` for each line; a failure in it gets the line's number. */
function readEach(text: string, file: FailurePlace["file"], read: (line: string) => void): void {
  for (const [index, line] of strippedLines(text).entries()) {
    try {
      read(line);
    } catch (error) {
      if (!(error instanceof JudgementFailure || error instanceof PythonJsonError)) throw error;
      throw new JudgementFailure(error.message, { file, line: index + 1 });
    }
  }
}

/**
 * Judges predictions.
 *
 * @param reference - lines of the annotation: `{"text_id": 1, "image_ids": [2]}`, or for the other direction what
 * `transform_ir_annotation_to_tr.py` makes of it.
 * @param predictions - lines of the prediction file.
 */
export function judgePredictions(reference: string, predictions: string, direction: Direction): Judgement {
  const names = DIRECTION_NAMES[direction];
  try {
    const golden = readReference(reference, names);
    const submission = readSubmission(predictions, golden, names);
    return { success: true, recall: scoreOf(golden, submission), queries: golden.size };
  } catch (error) {
    if (!(error instanceof JudgementFailure)) throw error;
    return { success: false, reason: error.message, place: error.place };
  }
}

/** The result file of `evaluation.py`: one line of JSON without an end of line. */
export function formatJudgement(judgement: Judgement): string {
  if (!judgement.success) {
    return dumpPythonJson(
      new Map<string, PythonValue>([
        ["errorDetail", judgement.reason],
        ["errorMsg", judgement.reason],
        ["score", 0n],
        ["scoreJson", new Map()],
        ["success", false],
      ]),
    );
  }
  const { meanRecall, r1, r5, r10 } = judgement.recall;
  const scores = new Map<string, PythonValue>([
    ["score", meanRecall],
    ["mean_recall", meanRecall],
    ["r1", r1],
    ["r5", r5],
    ["r10", r10],
  ]);
  return dumpPythonJson(
    new Map<string, PythonValue>([
      ["success", true],
      ["score", meanRecall],
      ["scoreJson", scores],
    ]),
  );
}

/** A file's lines as Python's text mode gives them, each stripped; what follows the last end of line counts if there is anything. */
function strippedLines(text: string): string[] {
  const lines = text.split(/\r\n|\n|\r/);
  if (lines.at(-1) === "") lines.pop();
  return lines.map(pythonStrip);
}

/** `str.strip()`: Python's idea of white space has U+001C to U+001F and U+0085, and not U+FEFF. */
export function pythonStrip(text: string): string {
  let [start, end] = [0, text.length];
  while (start < end && isPythonSpace(text.charAt(start))) start++;
  while (end > start && isPythonSpace(text.charAt(end - 1))) end--;
  return text.slice(start, end);
}

function isPythonSpace(unit: string): boolean {
  const code = unit.charCodeAt(0);
  return (code >= 0x1c && code <= 0x1f) || code === 0x85 || (code !== 0xfeff && /\s/.test(unit));
}

function readReference(text: string, names: DirectionNames): Map<string, Entry> {
  const reference = new Map<string, Entry>();
  readEach(text, "reference", (line) => {
    const object = loadPythonJson(line);
    const id = itemOf(object, names.query);
    const values = itemOf(object, names.found);
    if (isList(id) || isDict(id)) throw new JudgementFailure(`unhashable type: '${typeName(id)}'`);
    const key = equalityKey(id);
    reference.set(key, { id: reference.get(key)?.id ?? id, values });
  });
  return reference;
}

/** `object[key]`, failing with the words of Python's exception. */
function itemOf(object: PythonValue, key: string): PythonValue {
  if (isDict(object)) {
    const value = object.get(key);
    if (value === undefined) throw new JudgementFailure(key);
    return value;
  }
  if (isList(object)) throw new JudgementFailure("list indices must be integers or slices, not str");
  if (typeof object === "string") throw new JudgementFailure("string indices must be integers, not 'str'");
  throw new JudgementFailure(`'${typeName(object)}' object is not subscriptable`);
}

/** Python's `key in object`. */
function contains(object: PythonValue, key: string): boolean {
  if (isDict(object)) return object.has(key);
  if (isList(object)) return object.includes(key);
  if (typeof object === "string") return object.includes(key);
  throw new JudgementFailure(`argument of type '${typeName(object)}' is not iterable`);
}

interface Prediction {
  readonly id: bigint | boolean;
  readonly found: readonly (bigint | boolean)[];
}

function readSubmission(text: string, reference: ReadonlyMap<string, Entry>, names: DirectionNames): Map<string, Prediction> {
  const submission = new Map<string, Prediction>();
  let previous: PythonValue | undefined;
  readEach(text, "predictions", (line) => {
    const prediction = readPrediction(line, previous, names);
    previous = prediction.id;
    submission.set(equalityKey(prediction.id), prediction);
  });
  const missing = missingIds(reference, submission);
  if (missing.length > 0) {
    throw new JudgementFailure(
      `The following ${names.query}s have no prediction in your submission, please check again: ${missing.map(pythonStr).join(", ")}`,
    );
  }
  return submission;
}

/** One line, with the checks of `read_submission` in their order. */
function readPrediction(line: string, previous: PythonValue | undefined, names: DirectionNames): Prediction {
  const object = parsePrediction(line);
  if (!contains(object, names.query)) throw new JudgementFailure(`There exists one line not containing ${names.query}: ${line}`);
  const id = itemOf(object, names.query);
  if (!isInt(id)) throw new JudgementFailure(invalidQuery(id, previous, names));
  if (!contains(object, names.found))
    throw new JudgementFailure(`There exists one line not containing the predicted ${names.found}: ${line}`);
  const found = (object as PythonDict).get(names.found) ?? null;
  const query = `${names.Query} ${pythonStr(id)}`;
  if (!isList(found)) {
    throw new JudgementFailure(`The ${names.found} field of ${names.query} ${pythonStr(id)} is not a list, please check your schema`);
  }
  if (found.length !== JUDGED) {
    throw new JudgementFailure(`${query} has wrong number of predicted ${names.found}! Require ${JUDGED}, but ${found.length} founded.`);
  }
  return { id, found: checkFound(found, query, names) };
}

function checkFound(found: PythonList, query: string, names: DirectionNames): (bigint | boolean)[] {
  const ids = found.map((value, rank) => {
    if (isInt(value)) return value;
    throw new JudgementFailure(
      `${query} has an invalid predicted ${names.foundOne} ${pythonStr(value)} at rank ${rank + 1}, it should be an integer (not string), please check your schema`,
    );
  });
  if (new Set(ids.map(equalityKey)).size !== JUDGED) {
    throw new JudgementFailure(`${query} has duplicate topk ${names.foundThings} in your prediction. Pleace check again!`);
  }
  return ids;
}

function parsePrediction(line: string): PythonValue {
  try {
    return loadPythonJson(line);
  } catch (error) {
    if (!(error instanceof PythonJsonError)) throw error;
    throw new JudgementFailure(`Cannot parse this line into json object: ${line}`);
  }
}

/**
 * `evaluation.py` names the query of the line before when an id is no integer, and on the first line there is none, so that Python itself
 * fails (in the words of 3.11). `evaluation_tr.py` names the right one.
 */
function invalidQuery(id: PythonValue, previous: PythonValue | undefined, names: DirectionNames): string {
  const named = names.query === "image_id" ? id : previous;
  if (named === undefined) return "cannot access local variable 'qid' where it is not associated with a value";
  return `Found an invalid ${names.query} ${pythonStr(named)}, it should be an integer (not string), please check your schema`;
}

/** Queries without a prediction, in the order in which Python walks the set of them; of strings that order is random there. */
function missingIds(reference: ReadonlyMap<string, Entry>, submission: ReadonlyMap<string, Prediction>): PythonValue[] {
  const entries = [...reference.values()];
  const ints = entries.flatMap(({ id }) => (typeof id === "bigint" ? [id] : []));
  if (ints.length < entries.length) return entries.filter(({ id }) => !submission.has(equalityKey(id))).map(({ id }) => id);
  return pythonSetDifference(
    ints,
    [...submission.values()].map(({ id }) => BigInt(id)),
  );
}

function scoreOf(reference: ReadonlyMap<string, Entry>, submission: ReadonlyMap<string, Prediction>): Recall {
  let [hits1, hits5, hits10] = [0, 0, 0];
  for (const [key, { values }] of reference) {
    const right = rightAnswers(values);
    const rank = submission.get(key)?.found.findIndex((id) => right.has(equalityKey(id))) ?? -1;
    if (rank < 0) continue;
    hits10++;
    if (rank < 5) hits5++;
    if (rank < 1) hits1++;
  }
  if (reference.size === 0) throw new JudgementFailure("float division by zero");
  return recallOf(hits1, hits5, hits10, reference.size);
}

/** `set(values)`, failing with the words of Python's exception. */
function rightAnswers(values: PythonValue): Set<string> {
  if (typeof values === "string") return new Set(Array.from(values, equalityKey));
  if (isDict(values)) return new Set([...values.keys()].map(equalityKey));
  if (!isList(values)) throw new JudgementFailure(`'${typeName(values)}' object is not iterable`);
  const unhashable = values.find((value) => isList(value) || isDict(value));
  if (unhashable !== undefined) throw new JudgementFailure(`unhashable type: '${typeName(unhashable)}'`);
  return new Set(values.map(equalityKey));
}

/** Hits to percent, in the order of `report_score`'s operations, so that the last bit is the same. */
export function recallOf(hits1: number, hits5: number, hits10: number, queries: number): Recall {
  const [r1, r5, r10] = [hits1 / queries, hits5 / queries, hits10 / queries];
  return { r1: r1 * 100, r5: r5 * 100, r10: r10 * 100, meanRecall: ((r1 + r5 + r10) / 3) * 100 };
}
