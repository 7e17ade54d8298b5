/**
 * What the visitor can do: each action changes the state, and the page follows. Embeddings stay with their images, so that another fit embeds nothing.
 */
import { type ChineseCLIP } from "@chinese-clip/web";
import { checkClassifierModel } from "@chinese-clip/pipeline/classifier";
import { classifyEmbedding, fewShot, formatClassifier, parseClassifier } from "@chinese-clip/training/few-shot";
import type { Store } from "@chinese-clip/search-page";
import { type Download, DownloadMeter } from "../load-progress.js";
import type { ModelChoice } from "../model-choice.js";
import { isHidden, isImage, type PlacedFile } from "../picked-files.js";
import { loadSearchModel } from "../search-model.js";
import { byCodePoints, classesOfFiles } from "./classes-of-files.js";
import { readExamples } from "./examples.js";
import type { ClassifierState, Example, ExampleClass, Method, SkipReason } from "./state.js";

/** Bytes of a classifier's file that are read at most. */
const MAX_FILE = 128 * 2 ** 20;

/** Files for a class. */
interface Addition {
  readonly key: number;
  readonly files: readonly PlacedFile[];
}

/** The page's actions. */
export class ClassifierApp {
  readonly #store: Store<ClassifierState>;
  #clip: ChineseCLIP | undefined;
  #loading = new AbortController();
  #fitting = new AbortController();
  #adding = new AbortController();
  #queue: Addition[] = [];
  #isAdding = false;
  /** Images of the queue that are done, and all of them. */
  #done = 0;
  #total = 0;
  #lastKey = 0;

  constructor(store: Store<ClassifierState>) {
    this.#store = store;
  }

  /** Loads the model; what was added meanwhile is embedded then. */
  async useModel(choice: ModelChoice): Promise<void> {
    this.#loading.abort();
    const { signal } = (this.#loading = new AbortController());
    const started = performance.now();
    const meter = new DownloadMeter();
    const show = (download: Download | undefined): void => this.#store.update({ choice, model: { status: "loading", download } });
    show(undefined);
    try {
      const clip = await loadSearchModel(choice, {
        signal,
        onBackend: () => undefined,
        onProgress: (event) => {
          const download = signal.aborted || this.#clip !== undefined ? undefined : meter.take(event);
          if (download !== undefined) show(download);
        },
      });
      if (signal.aborted) return void clip.dispose();
      this.#clip = clip;
      this.#store.update({ model: { status: "ready", loadMs: performance.now() - started } });
      void this.#embed();
    } catch (error) {
      if (!signal.aborted) this.#store.update({ model: { status: "failed", error } });
    }
  }

  /** Adds files to their folders' classes; loose ones become a class of their own. */
  addFiles(files: readonly PlacedFile[]): void {
    const byClass = [...classesOfFiles(files)].sort(([a = ""], [b = ""]) => byCodePoints(a, b));
    for (const [label, own] of byClass) {
      if (own.every(({ file }) => isHidden(file))) continue;
      if (label === undefined && byClass.length > 1) this.#skip(own.map(({ path }) => path).filter(isShown), "no-class");
      else this.addTo(this.#classNamed(label ?? ""), own);
    }
  }

  /** Adds files to a class. */
  addTo(key: number, files: readonly PlacedFile[]): void {
    const images = files.filter(({ file }) => isImage(file) && !isHidden(file));
    this.#skip(
      files.filter(({ file }) => !isImage(file) && !isHidden(file)).map(({ path }) => path),
      "format",
    );
    if (images.length === 0) return;
    this.#queue.push({ key, files: images.sort((a, b) => byCodePoints(a.path, b.path)) });
    this.#total += images.length;
    this.#report();
    void this.#embed();
  }

  /** A new, empty class. @returns its key. */
  addClass(label = ""): number {
    const key = ++this.#lastKey;
    this.#changeClasses([...this.#store.state.classes, { key, label, examples: [] }]);
    return key;
  }

  /** Gives a class another name. */
  renameClass(key: number, label: string): void {
    this.#changeClasses(this.#store.state.classes.map((one) => (one.key === key ? { ...one, label } : one)));
  }

  /** Removes a class with its images. */
  removeClass(key: number): void {
    this.#queue = this.#queue.filter((addition) => addition.key !== key);
    for (const { url } of this.#store.state.classes.find((one) => one.key === key)?.examples ?? []) URL.revokeObjectURL(url);
    this.#changeClasses(this.#store.state.classes.filter((one) => one.key !== key));
  }

  /** Removes one image of a class. */
  removeExample(key: number, id: string): void {
    this.#changeClasses(
      this.#store.state.classes.map((one) =>
        one.key === key ? { ...one, examples: one.examples.filter((example) => example.id !== id) } : one,
      ),
    );
  }

  /** Leaves out what is not embedded yet. */
  stopAdding(): void {
    this.#adding.abort();
    this.#queue = [];
    this.#report();
  }

  /** Chooses how a classifier is fitted. */
  setMethod(method: Method): void {
    this.#store.update({ method, isStale: true });
  }

  /** Fits a classifier of what is there. */
  async fit(): Promise<void> {
    const clip = this.#clip;
    if (clip === undefined) return;
    this.#fitting.abort();
    const { signal } = (this.#fitting = new AbortController());
    const { classes, method } = this.#store.state;
    const sorted = [...classes].sort((a, b) => byCodePoints(a.label.trim(), b.label.trim()));
    this.#store.update({ fit: { status: "running", done: 0, total: 1 }, problem: undefined, isStale: false });
    try {
      const result = await fewShot({
        embedder: clip,
        classes: sorted.map(({ label, examples }) => ({
          label: label.trim(),
          examples: [...examples].sort((a, b) => byCodePoints(a.path, b.path)).map(({ embedding }) => embedding),
        })),
        method,
        logitScale: clip.model.logitScale,
        signal,
        onProgress: (step, done, total) => {
          if (step === "fit") this.#store.update({ fit: { status: "running", done, total } });
        },
      });
      this.#clearTrials();
      this.#store.update({ fit: { status: "idle" }, ready: { classifier: result.classifier, result, file: undefined } });
    } catch (error) {
      this.#store.update({ fit: signal.aborted ? { status: "idle" } : { status: "failed", error } });
    }
  }

  /** Gives up a fit. */
  stopFit(): void {
    this.#fitting.abort();
  }

  /** The classifier as a file. */
  save(): void {
    const { ready } = this.#store.state;
    if (ready === undefined) return;
    const url = URL.createObjectURL(new Blob([formatClassifier(ready.classifier)], { type: "application/json" }));
    const link = document.createElement("a");
    link.href = url;
    link.download = "classifier.json";
    link.click();
    setTimeout(() => URL.revokeObjectURL(url), 10_000);
  }

  /** Takes a classifier out of a file. */
  async open(file: File): Promise<void> {
    const clip = this.#clip;
    if (clip === undefined) return;
    try {
      if (file.size > MAX_FILE) throw new RangeError(`${file.name}: expected at most ${MAX_FILE} bytes, got ${file.size}`);
      const classifier = parseClassifier(await file.text(), file.name);
      await checkClassifierModel(classifier, clip);
      this.#clearTrials();
      this.#store.update({ ready: { classifier, result: undefined, file: file.name }, isStale: false, problem: undefined });
    } catch (problem) {
      this.#store.update({ problem });
    }
  }

  /** Classifies images. */
  async try(files: readonly File[]): Promise<void> {
    const { ready } = this.#store.state;
    const clip = this.#clip;
    if (ready === undefined || clip === undefined) return;
    const placed = files.filter((file) => !isHidden(file)).map((file) => ({ file, path: file.name }));
    try {
      for await (const [{ path }, example] of readExamples(clip, placed, this.#loading.signal)) {
        const scores = example === undefined ? undefined : classifyEmbedding(ready.classifier.head, example.embedding);
        this.#store.update({ trials: [{ name: path, url: example?.url ?? "", scores }, ...this.#store.state.trials].slice(0, 50) });
      }
    } catch (problem) {
      if (!this.#loading.signal.aborted) this.#store.update({ problem });
    }
  }

  #clearTrials(): void {
    for (const { url } of this.#store.state.trials) URL.revokeObjectURL(url);
    this.#store.update({ trials: [] });
  }

  /** The class of a name, a new one where there is none. */
  #classNamed(label: string): number {
    const { classes } = this.#store.state;
    const same = label === "" ? undefined : classes.find((one) => one.label.trim() === label);
    // The first class that nobody has begun to fill is taken.
    const blank = classes.find((one) => one.label.trim() === "" && one.examples.length === 0);
    if (same !== undefined) return same.key;
    if (blank === undefined) return this.addClass(label);
    this.renameClass(blank.key, label);
    return blank.key;
  }

  async #embed(): Promise<void> {
    const clip = this.#clip;
    if (clip === undefined || this.#isAdding) return;
    this.#isAdding = true;
    const { signal } = (this.#adding = new AbortController());
    try {
      for (let addition = this.#queue.shift(); addition !== undefined; addition = this.#queue.shift()) {
        for await (const [{ path }, example] of readExamples(clip, addition.files, signal)) {
          signal.throwIfAborted();
          if (example === undefined) this.#skip([path], "unreadable");
          else this.#addExample(addition.key, example);
          this.#done++;
          this.#report();
        }
      }
    } catch (problem) {
      if (!signal.aborted) this.#store.update({ problem });
    } finally {
      this.#isAdding = false;
      if (this.#queue.length === 0) [this.#done, this.#total] = [0, 0];
      this.#report();
    }
    // What was added after a stop.
    if (this.#queue.length > 0) void this.#embed();
  }

  #addExample(key: number, example: Example): void {
    const { classes } = this.#store.state;
    const owner = classes.find((one) => one.examples.some(({ id }) => id === example.id));
    if (owner?.key === key) return this.#skip([example.path], "repeated");
    if (owner === undefined) {
      this.#changeClasses(classes.map((one) => (one.key === key ? { ...one, examples: [...one.examples, example] } : one)));
      return;
    }
    // Neither class is right, or both: as `fewShot` does, it is used in none.
    this.#skip([...owner.examples.filter(({ id }) => id === example.id).map(({ path }) => path), example.path], "in-two-classes");
    this.removeExample(owner.key, example.id);
  }

  #changeClasses(classes: readonly ExampleClass[]): void {
    this.#store.update({ classes, isStale: true, fit: { status: "idle" } });
  }

  #skip(names: readonly string[], reason: SkipReason): void {
    if (names.length > 0) this.#store.update({ skipped: [...this.#store.state.skipped, ...names.map((name) => ({ name, reason }))] });
  }

  #report(): void {
    this.#store.update({ embedding: this.#total === 0 ? undefined : { done: this.#done, total: this.#total } });
  }
}

/** Whether anybody misses a file. */
function isShown(path: string): boolean {
  return !/(?:^|\/)(?:\.[^/]*|thumbs\.db|desktop\.ini)$/iu.test(path);
}
