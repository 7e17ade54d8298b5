/**
 * `progress.jsonl`: a line that says what the run is, then one for each step and each validation. A resumed run drops the lines of steps that it repeats.
 */
import { appendFile, readFile } from "node:fs/promises";
import { join } from "node:path";
import { writeWhole } from "@chinese-clip/dataset";
import { writingTo } from "@chinese-clip/pipeline/node";
import type { AveragingOptions } from "./averaging.js";
import type { Recall } from "./recall.js";
import { textsOf } from "./settings-record.js";

/** The log's file in a run's folder. */
export const PROGRESS_FILE = "progress.jsonl";

const SIGNATURE = "chinese-clip training 1";

/** A step, as the log has it. */
export interface StepRecord {
  /** Counted from 1. */
  readonly step: number;
  /** Counted from 1. */
  readonly epoch: number;
  /** The batch's loss. */
  readonly loss: number;
  /** Share of the batch's images whose own text is the most similar one. */
  readonly imageToText: number;
  /** Share of the batch's texts whose own image is the most similar one. */
  readonly textToImage: number;
  /** What cosines are multiplied by, after the step. */
  readonly logitScale: number;
  /** The step's learning rate. */
  readonly learningRate: number;
  /** The step's time. */
  readonly seconds: number;
}

/** Retrieval on the validation pairs after a step, as the log has it. */
export interface ValidationRecord {
  /** Steps that were done; 0 for the initial model. */
  readonly step: number;
  /** Images that texts found. */
  readonly textToImage: Recall;
  /** Texts that images found. */
  readonly imageToText: Recall;
}

/** What a run is, at the log's head. */
export interface RunHeader {
  /** The settings that its steps follow from, as text by name. */
  readonly settings: Readonly<Record<string, string>>;
  /** Where its model and its pairs come from, as far as they have a name. */
  readonly source: {
    readonly model?: string | undefined;
    readonly data?: string | undefined;
    readonly validation?: string | undefined;
    /** With which others its weights are averaged. */
    readonly averaging?: AveragingOptions | undefined;
  };
}

/** A log's content. */
export interface RunLog extends RunHeader {
  readonly steps: readonly StepRecord[];
  readonly validations: readonly ValidationRecord[];
}

/** Whether a folder has the log of a run. */
export async function hasProgress(folder: string): Promise<boolean> {
  const text = await readFile(join(folder, PROGRESS_FILE), "utf8").catch(() => "");
  return text.startsWith(JSON.stringify({ format: SIGNATURE }).slice(0, -1));
}

/** Reads a log; what a killed process left of a line, or somebody else wrote there, is no line. @returns undefined where there is none. */
export async function readLog(folder: string): Promise<RunLog | undefined> {
  if (!(await hasProgress(folder))) return undefined;
  const [head = "", ...lines] = (await readFile(join(folder, PROGRESS_FILE), "utf8")).split("\n");
  const records = lines.map(objectOf).filter((record) => typeof record?.["step"] === "number");
  const { settings, source } = objectOf(head) ?? {};
  return {
    settings: textsOf(settings) ?? {},
    source: sourceOf(source),
    steps: records.flatMap((record) => (record?.["validation"] === undefined ? (numbersOf(record, STEP_NUMBERS) ?? []) : [])),
    validations: records.flatMap((record) => (record?.["validation"] === true ? (validationOf(record) ?? []) : [])),
  };
}

const STEP_NUMBERS = ["step", "epoch", "loss", "imageToText", "textToImage", "logitScale", "learningRate", "seconds"] as const;
const RECALL_NUMBERS = ["r1", "r5", "r10"] as const;

/** These numbers of a record; NaN, such as a loss that diverged, is `null` in JSON. */
function numbersOf<Name extends string>(record: unknown, names: readonly Name[]): Record<Name, number> | undefined {
  if (typeof record !== "object" || record === null) return undefined;
  const values = names.map((name) => (record as Readonly<Record<string, unknown>>)[name]);
  if (!values.every((value) => typeof value === "number" || value === null)) return undefined;
  return Object.fromEntries(names.map((name, i) => [name, values[i] ?? Number.NaN])) as Record<Name, number>;
}

function validationOf(record: Readonly<Record<string, unknown>>): ValidationRecord | undefined {
  const [textToImage, imageToText] = [numbersOf(record["textToImage"], RECALL_NUMBERS), numbersOf(record["imageToText"], RECALL_NUMBERS)];
  return textToImage === undefined || imageToText === undefined ? undefined : { step: Number(record["step"]), textToImage, imageToText };
}

function sourceOf(source: unknown): RunHeader["source"] {
  if (typeof source !== "object" || source === null) return {};
  const { averaging, ...names } = source as Readonly<Record<string, unknown>>;
  return { ...textsOf(names), averaging: averagingOf(averaging) };
}

function averagingOf(value: unknown): AveragingOptions | undefined {
  const { folder, worker, every, workers, patience } = (typeof value === "object" && value !== null ? value : {}) as Readonly<
    Record<string, unknown>
  >;
  if (typeof folder !== "string" || typeof worker !== "string" || typeof every !== "number" || typeof workers !== "number")
    return undefined;
  return { folder, worker, every, workers, patience: typeof patience === "number" ? patience : undefined };
}

/** The lines of a run. */
export class ProgressLog {
  readonly #path: string;

  private constructor(path: string) {
    this.#path = path;
  }

  /**
   * Begins a log, or resumes the one that is there.
   *
   * @param step - steps that are done: lines of later ones are dropped, and what a killed process left of a line.
   */
  static async open(folder: string, step: number, header: RunHeader): Promise<ProgressLog> {
    const path = join(folder, PROGRESS_FILE);
    const lines = (await hasProgress(folder)) ? (await readFile(path, "utf8")).split("\n").slice(1) : [];
    const kept = lines.filter((line) => {
      const at = objectOf(line)?.["step"];
      return typeof at === "number" && at <= step && step > 0; // a run from its beginning validates the initial model again
    });
    await writeWhole(
      path,
      [JSON.stringify({ format: SIGNATURE, ...header }), ...kept].map((line) => `${line}\n`),
    );
    return new ProgressLog(path);
  }

  /** Adds a line. */
  async add(line: StepRecord | (ValidationRecord & { readonly validation: true })): Promise<void> {
    await writingTo(this.#path, () => appendFile(this.#path, `${JSON.stringify(line)}\n`));
  }
}

function objectOf(line: string): Readonly<Record<string, unknown>> | undefined {
  const text = line.trim();
  if (!text.startsWith("{") || !text.endsWith("}")) return undefined; // a million blank lines would be a million exceptions
  try {
    const value: unknown = JSON.parse(text);
    return typeof value === "object" && value !== null ? (value as Readonly<Record<string, unknown>>) : undefined;
  } catch {
    return undefined;
  }
}
