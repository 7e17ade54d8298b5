/**
 * What is said of a training run: on a terminal a line that is drawn again and again, elsewhere cn_clip's log lines; as JSON, the events.
 */
import type { TrainingEvent } from "@chinese-clip/training/node";
import type { CommandContext } from "../command.js";
import { type Bilingual, t } from "../translation/translate.js";
import { oneLine } from "../terminal/printable.js";
import { TerminalLine } from "../terminal/line.js";
import { formatSeconds, TerminalProgress } from "../terminal/progress.js";

type Step = Extract<TrainingEvent, { readonly type: "step" }>;

/** Steps whose time the rest of a run is estimated by. */
const TIMED_STEPS = 20;

/** Lines for one run. */
export class TrainingLines {
  readonly #context: CommandContext;
  readonly #interval: number;
  readonly #progress: TerminalProgress = new TerminalProgress(process.stderr);
  readonly #live: TerminalLine = new TerminalLine(process.stderr);
  readonly #times: number[] = [];
  #started: Extract<TrainingEvent, { readonly type: "started" }> | undefined;

  /** @param interval - steps from log line to log line. */
  constructor(context: CommandContext, interval: number) {
    this.#context = context;
    this.#interval = interval;
  }

  /** Takes one event. */
  report(event: TrainingEvent): void {
    const { json, print, language } = this.#context;
    if (json) {
      if (event.type !== "features") print(JSON.stringify(event));
      return;
    }
    if (event.type === "features")
      return this.#progress.report(({ en: "features", zh: "特征" } as const)[language], event.done, event.total);
    if (event.type === "started") this.#started = event;
    if (event.type === "step" && this.#live.visible) {
      this.#progress.end();
      this.#drawStep(event);
      if (process.stdout.isTTY) return; // the log is for a file
    }
    const line = event.type === "step" ? this.#stepLine(event) : lineOf(event)?.[language];
    if (line === undefined) return;
    this.end();
    print(line);
  }

  /** Ends the line that is drawn, if there is one. */
  end(): void {
    this.#progress.end();
    this.#live.end();
  }

  #drawStep(event: Step): void {
    const steps = this.#started?.steps ?? 0;
    this.#times.push(event.seconds);
    if (this.#times.length > TIMED_STEPS) this.#times.shift();
    const seconds = this.#times.reduce((sum, one) => sum + one, 0) / this.#times.length;
    this.#live.draw("step", event.step === steps, () => formatStep(event, steps, seconds)[this.#context.language]);
  }

  /** As cn_clip's `training/train.py` logs a step. */
  #stepLine({ step, epoch, loss, imageToText, textToImage, logitScale, learningRate, seconds }: Step): string | undefined {
    const { steps = 0, batchSize = 0, pairs = 0, stepsPerEpoch = 1 } = this.#started ?? {};
    if (step % this.#interval !== 0 && step !== steps) return undefined;
    const inEpoch = ((step - 1) % stepsPerEpoch) + 1;
    return [
      `Global Steps: ${step}/${steps}`,
      `Train Epoch: ${epoch} [${Math.min(inEpoch * batchSize, pairs)}/${pairs} (${Math.round((100 * inEpoch) / stepsPerEpoch)}%)]`,
      `Loss: ${loss.toFixed(6)}`,
      `Image2Text Acc: ${(100 * imageToText).toFixed(2)}`,
      `Text2Image Acc: ${(100 * textToImage).toFixed(2)}`,
      `Batch Time: ${seconds.toFixed(3)}s`,
      `LR: ${learningRate.toFixed(6)}`,
      `logit_scale: ${Math.log(logitScale).toFixed(3)}`,
      `Global Batch Size: ${batchSize}`,
    ].join(" | ");
  }
}

/** `120 / 300  loss 0.930  image→text 67%  text→image 61%  scale 15.7  rate 7.6e-4  00:38`. @param seconds - of a step. */
export function formatStep(event: Step, steps: number, seconds: number): Bilingual {
  const { step, loss, imageToText, textToImage, logitScale, learningRate } = event;
  const percent = (share: number): string => `${Math.round(100 * share)}%`;
  const line = (names: readonly string[]): string => {
    const values = [loss.toFixed(3), percent(imageToText), percent(textToImage), logitScale.toFixed(1), learningRate.toExponential(1)];
    return [`${step} / ${steps}`, ...values.map((value, i) => `${names[i] ?? ""} ${value}`), formatSeconds((steps - step) * seconds)].join("  "); // prettier-ignore
  };
  return { en: line(["loss", "image→text", "text→image", "scale", "rate"]), zh: line(["损失", "图→文", "文→图", "尺度", "学习率"]) };
}

function lineOf(event: Exclude<TrainingEvent, { readonly type: "step" | "features" }>): Bilingual | undefined {
  const percent = (share: number): string => (100 * share).toFixed(1);
  if (event.type === "averaged") return t`averaged after step ${event.step}: ${event.workers.join(", ")}`;
  if (event.type === "saved") return t`saved: ${event.folder} (step ${event.step})`;
  if (event.type === "validation") {
    const [texts, images] = [event.textToImage, event.imageToText].map(
      ({ r1, r5, r10 }) => `${percent(r1)} / ${percent(r5)} / ${percent(r10)}`,
    );
    return t`validation after step ${event.step}: R@1 / R@5 / R@10, text to image ${texts ?? ""}, image to text ${images ?? ""}`;
  }
  const { pairs, images, skipped, batchSize, step, steps } = event;
  const said = t`${pairs} pairs of ${images} images (${skipped.length} skipped), batches of ${batchSize}, steps ${step} to ${steps}`;
  const lines = [said, ...leftOutLines(event), planLine(event)];
  return { en: lines.map(({ en }) => en).join("\n"), zh: lines.map(({ zh }) => zh).join("\n") };
}

/** Why pairs are skipped and which is the first of each kind; how many texts are cut. */
function leftOutLines({ skipped, truncated, contextLength }: Extract<TrainingEvent, { readonly type: "started" }>): Bilingual[] {
  const reasons = {
    "missing-image": (count: number, first: string) => t`skipped: ${count} whose image does not exist, such as ${first}`,
    "unreadable-text": (count: number, first: string) => t`skipped: ${count} whose text is not UTF-8, such as ${first}`,
    "empty-text": (count: number, first: string) => t`skipped: ${count} without a text, such as ${first}`,
    repeated: (count: number, first: string) => t`skipped: ${count} that are there twice, such as ${first}`,
  } as const;
  const lines = Object.entries(reasons).flatMap(([reason, say]) => {
    const some = skipped.filter((pair) => pair.reason === reason);
    return some[0] === undefined ? [] : [say(some.length, oneLine(some[0].name))];
  });
  return truncated === 0 ? lines : [...lines, t`${truncated} texts of more than ${contextLength} tokens are cut`];
}

/** How a step is computed, and what that takes. */
function planLine({ batchSize, chunkSize, blocks, memory }: Extract<TrainingEvent, { readonly type: "started" }>): Bilingual {
  const megabytes = Math.round(memory / 1e6);
  if (blocks) return t`memory: about ${megabytes} MB, block by block in chunks of ${chunkSize}`;
  return chunkSize === batchSize
    ? t`memory: about ${megabytes} MB, a step as one graph`
    : t`memory: about ${megabytes} MB, in chunks of ${chunkSize}`;
}
