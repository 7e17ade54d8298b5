/** What the page of classifiers has. */
import type { ClassScore, FewShotResult, ImageClassifier, SelectHeadOptions } from "@chinese-clip/training/few-shot";
import type { Language } from "@chinese-clip/search-page";
import type { Indexing, ModelStatus } from "../app-state.js";
import type { ModelChoice } from "../model-choice.js";

/** An image of a class. */
export interface Example {
  /** SHA-256 of its file, in hexadecimal. */
  readonly id: string;
  /** Its path in what was dropped. */
  readonly path: string;
  /** Address of its preview. */
  readonly url: string;
  readonly embedding: Float32Array;
}

/** A class. */
export interface ExampleClass {
  /** The same for as long as it is there. */
  readonly key: number;
  readonly label: string;
  readonly examples: readonly Example[];
}

/** Why a file is not among the examples. */
export type SkipReason = "unreadable" | "format" | "repeated" | "in-two-classes" | "no-class";

/** How a classifier is chosen. */
export type Method = NonNullable<SelectHeadOptions["method"]>;

/** A classifier that can be tried and saved. */
export interface ReadyClassifier {
  readonly classifier: ImageClassifier;
  /** How the fit went; undefined of one that was opened. */
  readonly result: FewShotResult | undefined;
  /** The file that it was opened from. */
  readonly file: string | undefined;
}

/** An image that a classifier was tried on. */
export interface Trial {
  readonly name: string;
  readonly url: string;
  /** Best first; undefined: it cannot be read. */
  readonly scores: readonly ClassScore[] | undefined;
}

/** How the fit is. */
export type FitStatus =
  | { readonly status: "idle" }
  | { readonly status: "running"; readonly done: number; readonly total: number }
  | { readonly status: "failed"; readonly error: unknown };

/** The state. */
export interface ClassifierState {
  readonly language: Language;
  readonly choice: ModelChoice;
  readonly model: ModelStatus;
  readonly classes: readonly ExampleClass[];
  /** Images on their way through the model. */
  readonly embedding: Indexing | undefined;
  readonly skipped: readonly { readonly name: string; readonly reason: SkipReason }[];
  readonly method: Method;
  readonly fit: FitStatus;
  readonly ready: ReadyClassifier | undefined;
  /** Whether the classes have changed since. */
  readonly isStale: boolean;
  readonly trials: readonly Trial[];
  /** What else went wrong. */
  readonly problem: unknown;
  /** The class that files are held over; `"page"`: none of them. */
  readonly dropTarget: number | "page" | undefined;
}
