/**
 * Any error as one sentence in the user's language: the command's own errors have both languages, those of the libraries are translated by
 * their `code` from their `details`.
 */
import { fillMessage } from "@chinese-clip/dataset/formats";
import { DATASET_ZH, EVALUATION_ZH, QUEUE_ZH, TRAINING_ZH } from "./data-errors-zh.js";
import {
  CHECKPOINT_ZH,
  CLASSIFIER_ZH,
  detailText,
  type ErrorFacts,
  type ErrorSentence,
  HUB_ZH,
  IMAGE_ZH,
  INFERENCE_ZH,
  OUTPUT_ZH,
  SEARCH_ZH,
  SERVE_ZH,
  TEMPLATE_ZH,
  TOKENIZER_ZH,
  WORKER_ZH,
} from "./model-errors-zh.js";
import { type Bilingual, CommandError } from "./translate.js";

/** Error class to its codes. Classes are told by name: an error may come from another copy of its package, or from another thread. */
const SENTENCES: Readonly<Record<string, Readonly<Record<string, ErrorSentence>>>> = {
  DatasetError: filled(DATASET_ZH),
  EvaluationError: filled(EVALUATION_ZH),
  QueueError: filled(QUEUE_ZH),
  TrainingError: filled(TRAINING_ZH),
  CheckpointError: CHECKPOINT_ZH,
  ClassifierError: CLASSIFIER_ZH,
  HubError: HUB_ZH,
  ImageError: IMAGE_ZH,
  InferenceError: INFERENCE_ZH,
  OutputError: OUTPUT_ZH,
  SearchError: SEARCH_ZH,
  ServeError: SERVE_ZH,
  TemplateError: TEMPLATE_ZH,
  TokenizerError: TOKENIZER_ZH,
  WorkerError: WORKER_ZH,
};

/** What an error without a sentence of its own is about. */
const SUBJECTS: Readonly<Record<string, string>> = { RangeError: "参数不对", TypeError: "参数不对" };

function filled(table: Readonly<Record<string, string>>): Record<string, ErrorSentence> {
  const entries = Object.entries(table).map(([code, sentence]) => [code, (facts: ErrorFacts) => placed(facts, sentence)] as const);
  return Object.fromEntries(entries);
}

function placed({ details }: ErrorFacts, sentence: string): string {
  const { file, line } = details;
  const place = file === undefined ? "" : line === undefined ? `${detailText(file)}：` : `${detailText(file)}，第 ${detailText(line)} 行：`;
  return place + fillMessage(sentence, details);
}

/** An error's message in a language. */
export function messageIn(error: unknown, language: keyof Bilingual): string {
  const message = plainMessage(error);
  if (language === "en" || !(error instanceof Error)) return message;
  if (error instanceof CommandError) return error.zh;
  const { code, details } = error as { readonly code?: unknown; readonly details?: unknown };
  const sentence = SENTENCES[error.name]?.[String(code)];
  const facts: ErrorFacts = {
    message,
    details: typeof details === "object" && details !== null ? { ...details, ...reasonOf(error.cause) } : {},
  };
  if (sentence !== undefined) return sentence(facts);
  return `${SUBJECTS[error.name] ?? "运行失败"}：${message}`;
}

/** In place of an English `reason` the cause's own sentence, where it has one. */
function reasonOf(cause: unknown): { readonly reason?: string } {
  return cause instanceof Error && cause.name in SENTENCES ? { reason: messageIn(cause, "zh") } : {};
}

/** An error's message in both languages. */
export function errorText(error: unknown): Bilingual {
  return { en: messageIn(error, "en"), zh: messageIn(error, "zh") };
}

/** What to say of an image or file that is skipped: its name, unless the reason has it, and why. */
export function skippedText(name: string, error: unknown, language: keyof Bilingual): string {
  const reason = messageIn(error, language).replace(/^bytes: /, ""); // an image that was read before it was decoded
  const message = reason.includes(name) ? reason : language === "zh" ? `${name}：${reason}` : `${name}: ${reason}`;
  return language === "zh" ? `跳过 ${message}` : `skipped: ${message}`;
}

/** Without the function that was called, which says nothing to somebody who typed a command. */
function plainMessage(error: unknown): string {
  return (error instanceof Error ? error.message : String(error)).replace(/^(?:fromPretrained|convert|exportOnnx|loadImage): /, "");
}
