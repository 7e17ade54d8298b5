/**
 * The model behind the page: Chinese-CLIP from wherever the visitor has it, with both towers in workers of their own.
 */
import { type BackendReport, ChineseCLIP, type LoadProgress, PickedFiles } from "@chinese-clip/web";
import type { ModelChoice } from "./model-choice.js";

/** The demo checkpoint's files, which the build puts into one folder. */
const DEMO_FILES = import.meta.glob<string>(
  [
    "../../demo-checkpoint/{config,preprocessor_config,tokenizer_config}.json",
    "../../demo-checkpoint/vocab.txt",
    "../../demo-checkpoint/model.safetensors",
  ],
  { query: "?url&no-inline", import: "default", eager: true },
);

/** What a load tells while it goes on. */
export interface LoadListeners {
  readonly onBackend: (report: BackendReport) => void;
  readonly onProgress: (event: LoadProgress) => void;
  readonly signal: AbortSignal;
}

/**
 * Loads a model so far that a sentence can be embedded at once.
 *
 * @throws CheckpointError, HubError, TokenizerError, ImageError - as `fromPretrained` does; the signal's reason.
 */
export async function loadSearchModel(choice: ModelChoice, listeners: LoadListeners): Promise<ChineseCLIP> {
  const dtype = choice.kind === "demo" ? "fp32" : choice.dtype;
  const clip = await ChineseCLIP.fromPretrained(sourceOf(choice), { ...listeners, dtype });
  try {
    await clip.prepare(["text"], listeners);
    return clip;
  } catch (error) {
    await clip.dispose();
    throw error;
  }
}

/** What the index of a model is kept under: vectors of different models, or number formats, cannot be compared. */
export function keyOf(choice: ModelChoice): string {
  switch (choice.kind) {
    case "demo":
      return "demo";
    case "remote":
      return `${choice.source} ${choice.dtype}`;
    case "picked":
      return `${choice.name} ${choice.files.reduce((sum, { size }) => sum + size, 0)} ${choice.dtype}`;
  }
}

function sourceOf(choice: ModelChoice): string | URL | PickedFiles {
  switch (choice.kind) {
    case "demo":
      return new URL(".", new URL(Object.values(DEMO_FILES)[0] ?? "", document.baseURI));
    case "remote":
      return choice.source;
    case "picked":
      return new PickedFiles(choice.files, choice.name);
  }
}
