/**
 * Which head fits the examples best: each method's settings, and the method where none is named, are chosen by cross-validation on {@link foldsOf}.
 */
import type { ClassifierHead, ClassifierMethod, TipAdapter } from "@chinese-clip/pipeline/classifier";
import { bestOf, checkExamples, evaluateHead, type FewShotExamples, Tally } from "./examples.js";
import { type Fold, foldsOf } from "./folds.js";
import { fitLinearProbe, probePath, REGULARIZATIONS } from "./linear-probe.js";
import { ADAPTER_SETTINGS, adapterTallies, fitTipAdapter, tallyAdapters } from "./tip-adapter.js";
import { fitTipAdapterF, learnKeys } from "./tip-adapter-f.js";

/** What cross-validation found of a method, with the best of its settings. */
export interface MethodScore {
  /** `zero-shot` is the classes' texts alone, for comparison. */
  readonly method: ClassifierMethod | "zero-shot";
  /** Share of right answers on held-out examples, 0 to 1. */
  readonly accuracy: number;
  /** Mean cross-entropy on them, in nats. */
  readonly logLoss: number;
  /** For each class the images of it that were taken for each class. */
  readonly confusion: readonly Uint32Array[];
}

/** A head, and why this one. */
export interface SelectedHead {
  /** Fitted on all examples. */
  readonly head: ClassifierHead;
  /** In how many turns examples were held out; 0: each class has a single example, and the settings are the papers'. */
  readonly folds: number;
  /** Each method that was tried, and zero-shot where there are texts. */
  readonly validation: readonly MethodScore[];
}

/** Options of {@link selectHead}. */
export interface SelectHeadOptions {
  /** Default `auto`: the one that cross-validation likes best, of equals the first of tip-adapter, tip-adapter-f, linear. */
  readonly method?: ClassifierMethod | "auto" | undefined;
  /** `[classes, dim]`: embeddings of the classes' texts, rows of length 1. Needed for all methods but `linear`. */
  readonly texts?: Float32Array | undefined;
  /** exp of the model's `logit_scale`. Default 100, the published models'. */
  readonly scale?: number | undefined;
  /** The L2 regularisation of `linear`. Default: chosen. */
  readonly regularization?: number | undefined;
  /** Told of each step that is done. */
  readonly onProgress?: ((done: number, total: number) => void) | undefined;
  /** Gives up between two steps; the promise then rejects with the signal's reason. */
  readonly signal?: AbortSignal | undefined;
}

/** The scale of the published models. */
const DEFAULT_SCALE = 100;
/** The papers', where nothing can be held out. */
const UNVALIDATED = { alpha: 1, beta: 5.5, learningRate: 1e-3, epochs: 20 };
const LEARNING_RATES: readonly number[] = [1e-3, 1e-2];

/**
 * Fits a head.
 *
 * @throws RangeError - examples that no classifier can be made of; texts that are missing or of another size. The signal's reason.
 */
export async function selectHead(examples: FewShotExamples, options: SelectHeadOptions = {}): Promise<SelectedHead> {
  checkExamples("fewShot", examples);
  const { method = "auto", texts, scale = DEFAULT_SCALE } = options;
  if (texts === undefined && method !== "linear" && method !== "auto")
    throw new RangeError(`fewShot: expected the classes' texts, which ${method} needs, got none`);
  const tried = METHODS.filter((one) => (method === "auto" || one === method) && (one === "linear" || texts !== undefined));
  return new Selection(examples, foldsOf(examples), { ...options, scale }).run(tried);
}

/** The place of the method that is taken: the most accurate, of equals the first; of none, the first. */
export function preferred(scores: readonly Pick<MethodScore, "accuracy">[]): number {
  return scores.reduce((best, { accuracy }, i) => (accuracy > scores[best]!.accuracy ? i : best), 0);
}

/** The methods, in the order in which equals are taken. */
export const METHODS: readonly ClassifierMethod[] = ["tip-adapter", "tip-adapter-f", "linear"];

/** A method with settings that were chosen. */
interface Candidate {
  readonly score: MethodScore | undefined;
  fit(): ClassifierHead;
}

class Selection {
  readonly #examples: FewShotExamples;
  readonly #folds: readonly Fold[];
  readonly #options: SelectHeadOptions & { readonly scale: number };
  #done = 0;
  #total = 0;

  constructor(examples: FewShotExamples, folds: readonly Fold[], options: SelectHeadOptions & { readonly scale: number }) {
    [this.#examples, this.#folds, this.#options] = [examples, folds, options];
  }

  async run(methods: readonly ClassifierMethod[]): Promise<SelectedHead> {
    const steps: Readonly<Record<ClassifierMethod, number>> = {
      linear: this.#options.regularization === undefined ? REGULARIZATIONS.length : 1,
      "tip-adapter": 0,
      "tip-adapter-f": LEARNING_RATES.length * UNVALIDATED.epochs,
    };
    const settings = methods.some((method) => method !== "linear") ? 1 : 0; // both adapters' first step
    this.#total = 1 + this.#folds.length * methods.reduce((sum, method) => sum + steps[method], settings);
    const candidates: Candidate[] = [];
    for (const method of methods) candidates.push(await this.#candidate(method));
    const scores = candidates.flatMap(({ score }) => score ?? []);
    const head = candidates[preferred(scores)]!.fit();
    await this.#step();
    return { head, folds: this.#folds.length, validation: [...this.#zeroShot(), ...scores] };
  }

  #candidate(method: ClassifierMethod): Promise<Candidate> {
    if (method === "linear") return this.#linear();
    return method === "tip-adapter" ? this.#tipAdapter() : this.#tipAdapterF();
  }

  async #linear(): Promise<Candidate> {
    const { regularization: given } = this.#options;
    const tallies = REGULARIZATIONS.map(() => this.#tally());
    for (const { fitted, heldOut } of this.#folds) {
      let i = 0;
      for (const probe of given === undefined ? probePath(fitted) : [fitLinearProbe(fitted, { regularization: given })]) {
        evaluateHead(probe, heldOut, tallies[i++]);
        await this.#step();
      }
    }
    const best = given === undefined ? bestOf(tallies) : 0;
    const regularization = given ?? (this.#folds.length === 0 ? undefined : REGULARIZATIONS[best]);
    return { score: this.#score("linear", tallies[best]!), fit: () => fitLinearProbe(this.#examples, { regularization }) };
  }

  async #tipAdapter(): Promise<Candidate> {
    const { best, tally } = await this.#adapterSettings();
    const { texts, scale } = this.#adapterOptions();
    return {
      score: this.#score("tip-adapter", tally),
      fit: () => ({ ...fitTipAdapter(this.#examples, { texts, scale }), ...best }),
    };
  }

  async #tipAdapterF(): Promise<Candidate> {
    const { best: settings, tally: start } = await this.#adapterSettings();
    const { texts, scale } = this.#adapterOptions();
    const { epochs } = UNVALIDATED;
    const tallies = LEARNING_RATES.map(() => Array.from({ length: epochs }, () => this.#tally()));
    for (const { fitted, heldOut } of this.#folds) {
      for (const [i, learningRate] of LEARNING_RATES.entries()) {
        let epoch = 0;
        for (const adapter of learnKeys(fitted, { texts, scale, ...settings, learningRate, epochs })) {
          evaluateHead(adapter, heldOut, tallies[i]![epoch++]);
          await this.#step();
        }
      }
    }
    // No epoch at all is a choice, too: then the keys are Tip-Adapter's.
    const choices = [start, ...tallies.flat()];
    const best = this.#folds.length === 0 ? epochs : bestOf(choices);
    const learningRate = LEARNING_RATES[Math.floor((best - 1) / epochs)] ?? UNVALIDATED.learningRate;
    const learned = best === 0 ? 0 : ((best - 1) % epochs) + 1;
    return {
      score: this.#score("tip-adapter-f", choices[best]!),
      fit: () => fitTipAdapterF(this.#examples, { texts, scale, ...settings, learningRate, epochs, stopAfter: learned }),
    };
  }

  #settings: Promise<{ readonly best: Pick<TipAdapter, "alpha" | "beta">; readonly tally: Tally }> | undefined;

  /** Training-free settings. */
  #adapterSettings(): Promise<{ readonly best: Pick<TipAdapter, "alpha" | "beta">; readonly tally: Tally }> {
    return (this.#settings ??= this.#chooseSettings());
  }

  async #chooseSettings(): Promise<{ readonly best: Pick<TipAdapter, "alpha" | "beta">; readonly tally: Tally }> {
    const tallies = adapterTallies(this.#examples.classes.length);
    for (const { fitted, heldOut } of this.#folds) {
      tallyAdapters(fitTipAdapter(fitted, this.#adapterOptions()), heldOut, tallies);
      await this.#step();
    }
    const best = bestOf(tallies);
    return { best: this.#folds.length === 0 ? UNVALIDATED : ADAPTER_SETTINGS[best]!, tally: tallies[best]! };
  }

  #zeroShot(): MethodScore[] {
    const { texts, scale } = this.#options;
    if (texts === undefined || this.#folds.length === 0) return [];
    const tally = this.#tally();
    for (const { heldOut } of this.#folds) evaluateHead(zeroShotHead(heldOut, texts, scale), heldOut, tally);
    return [{ ...plain(tally), method: "zero-shot" }];
  }

  #adapterOptions(): { readonly texts: Float32Array; readonly scale: number } {
    const { texts = new Float32Array(0), scale } = this.#options;
    return { texts, scale };
  }

  #tally(): Tally {
    return new Tally(this.#examples.classes.length);
  }

  #score(method: ClassifierMethod, tally: Tally): MethodScore | undefined {
    return this.#folds.length === 0 ? undefined : { ...plain(tally), method };
  }

  /** Lets other work run in between: a page stays alive, and a signal is heard. */
  async #step(): Promise<void> {
    this.#options.onProgress?.(++this.#done, this.#total);
    await new Promise<void>((resolve) => setTimeout(resolve, 0));
    this.#options.signal?.throwIfAborted();
  }
}

/** The classes' texts alone. */
export function zeroShotHead({ classes, dim }: Pick<FewShotExamples, "classes" | "dim">, texts: Float32Array, scale: number): TipAdapter {
  return { method: "tip-adapter", classes, dim, texts, keys: new Float32Array(0), labels: [], scale, alpha: 0, beta: 1 };
}

function plain({ accuracy, logLoss, confusion }: Tally): Omit<MethodScore, "method"> {
  return { accuracy, logLoss, confusion };
}
