/**
 * What the visitor can do beside the search: each action changes the state, and the page follows. What is still under way for an earlier wish
 * (another model, other labels) has no effect once there is a newer one.
 */
import { type BackendReport, type ChineseCLIP, cosine } from "@chinese-clip/web";
import type { ImageItem, Store } from "@chinese-clip/search-page";
import type { AppState } from "./app-state.js";
import type { BrowserBackend } from "./browser-backend.js";
import type { ImageLibrary, LibraryImage } from "./image-library.js";
import { Indexer } from "./indexer.js";
import { type Candidate, probabilities } from "./label-odds.js";
import { DownloadMeter, type Download } from "./load-progress.js";
import type { ModelChoice } from "./model-choice.js";
import { isHidden, isImage } from "./picked-files.js";
import { fetchSamples } from "./samples.js";
import { keyOf, loadSearchModel } from "./search-model.js";
import { type Settings, writeSettings } from "./settings.js";

/** Milliseconds between two looks at an index that grows. */
const REFRESH = 200;

/** The page's actions. */
export class App {
  readonly #store: Store<AppState>;
  readonly #library: ImageLibrary;
  readonly #backend: BrowserBackend;
  readonly #onImages: () => Promise<void>;
  #loading = new AbortController();
  #labelling = new AbortController();
  #clip: ChineseCLIP | undefined;
  #indexer: Indexer | undefined;
  /** What the visitor added while there was no model for it. */
  #waiting: readonly File[] = [];
  #labelled: string | undefined;
  #lastCandidate = 0;
  #refresh: ReturnType<typeof setTimeout> | undefined;

  /** @param onImages - the index has other images. */
  constructor(store: Store<AppState>, library: ImageLibrary, backend: BrowserBackend, onImages: () => Promise<void>) {
    this.#store = store;
    this.#library = library;
    this.#backend = backend;
    this.#onImages = onImages;
  }

  /** Loads a model and its index. The one before stays in use until then, and also when this load fails. */
  async useModel(choice: ModelChoice): Promise<void> {
    this.#loading.abort();
    const { signal } = (this.#loading = new AbortController());
    const started = performance.now();
    const isFirst = this.#clip === undefined;
    this.#showLoad(choice, isFirst, undefined);
    let meter = new DownloadMeter();
    let isReady = false;
    const backends: { text?: BackendReport; image?: BackendReport } = {};
    let clip: ChineseCLIP | undefined;
    try {
      const images = this.#library.read(keyOf(choice));
      // Its images can be looked at before the model is there to search them.
      if (isFirst) this.#showImages(await images);
      clip = await loadSearchModel(choice, {
        signal,
        onProgress: (event) => {
          const download = signal.aborted ? undefined : meter.take(event);
          if (download === undefined) return;
          if (!isReady) this.#showLoad(choice, isFirst, download);
          else this.#store.update({ imageDownload: (download.fraction ?? 0) < 1 ? download : undefined });
        },
        onBackend: (report) => {
          backends[report.output === "text_features" ? "text" : "image"] = report;
          if (isReady && !signal.aborted) this.#store.update({ backends: { ...backends } });
        },
      });
      if (signal.aborted) {
        await clip.dispose();
        return;
      }
      isReady = true;
      meter = new DownloadMeter();
      this.#replaceModel(clip, choice, await images);
      this.#store.update({ model: { status: "ready", loadMs: performance.now() - started }, backends: { ...backends } });
    } catch (error) {
      await clip?.dispose();
      if (signal.aborted) return;
      this.#store.update(isFirst ? { model: { status: "failed", error } } : { change: { status: "failed", choice, error } });
      return;
    }
    void this.#indexer?.add(this.#waiting);
    this.#waiting = [];
    // A first visit fetches all that later ones need, which then do without a network; a later one may only want to search.
    if (this.#store.state.images.length > 0) return;
    try {
      await clip.prepare(["vision"]);
    } catch (error) {
      if (clip === this.#clip) this.report(error);
    }
  }

  /** Adds images to the index; files of other formats are listed. */
  async addFiles(files: readonly File[]): Promise<void> {
    const images = files.filter(isImage);
    const others = files.filter((file) => !isImage(file) && !isHidden(file)).map(({ name }) => name);
    this.#store.update({
      problem: images.length === 0 ? { kind: "no-image" } : undefined,
      skipped: [...new Set([...this.#store.state.skipped, ...others])],
    });
    if (this.#indexer !== undefined) await this.#indexer.add(images);
    else this.#waiting = [...this.#waiting, ...images];
  }

  /** Adds the sample images. */
  async addSamples(): Promise<void> {
    try {
      await this.addFiles(await fetchSamples());
    } catch (error) {
      this.report(error);
    }
  }

  /** Adds the sample images where the demo model has no others to search. */
  addSamplesIfEmpty(): void {
    const { images, indexing, choice } = this.#store.state;
    if (images.length === 0 && indexing === undefined && choice.kind === "demo") void this.addSamples();
  }

  /** Shows what went wrong. */
  report(error: unknown): void {
    this.#store.update({ problem: { kind: "error", error } });
  }

  /** Leaves out what is not indexed yet. */
  stopIndexing(): void {
    this.#indexer?.stop();
  }

  /** Labels an image, unless it is the one that is labelled. */
  label({ id }: ImageItem): void {
    if (this.#labelled === id || this.#clip === undefined) return;
    this.#labelled = id;
    // Not while the page is drawn, which asks for it.
    queueMicrotask(() => {
      this.#store.update({ similarities: new Map() });
      void this.#label();
    });
  }

  /** Takes other candidates for labels. */
  async changeCandidates(candidates: readonly Candidate[], template: string = this.#store.state.settings.template): Promise<void> {
    const before = this.#store.state;
    this.#store.update({ candidates });
    const labels = candidates.map(({ label }) => label).filter((label) => label.trim() !== "");
    this.changeSettings({ ...before.settings, labels, template: template.includes("{}") ? template : "{}" });
    const isSame =
      candidates.length === before.candidates.length && candidates.every(({ label }, i) => label === before.candidates[i]?.label);
    if (!isSame || template !== before.settings.template) await this.#label();
  }

  /** Puts the most probable label first, unless the visitor is at work on one. */
  sortCandidates(): void {
    if (document.activeElement?.closest(".labels ol") != null) return;
    const { candidates, similarities, logitScale } = this.#store.state;
    const odds = probabilities(candidates, similarities, logitScale);
    this.#store.update({ candidates: [...candidates].sort((a, b) => (odds.get(b.key) ?? 0) - (odds.get(a.key) ?? 0)) });
  }

  /** A candidate with a key of its own. */
  createCandidate(label: string): Candidate {
    return { key: ++this.#lastCandidate, label, weight: 1 };
  }

  /** Removes one image from the index. */
  async removeImage(id: string): Promise<void> {
    const { choice, images } = this.#store.state;
    await this.#library.remove(keyOf(choice), id);
    this.#showImages(images.filter((image) => image.id !== id));
  }

  /** Removes all images of the model. */
  async removeAll(): Promise<void> {
    this.#indexer?.stop();
    await this.#library.clear(keyOf(this.#store.state.choice));
    this.#store.update({ unreadable: [], skipped: [], imageMs: undefined });
    this.#showImages([]);
  }

  /** Takes and stores other settings. */
  changeSettings(settings: Settings): void {
    this.#store.update({ settings });
    writeSettings(settings);
  }

  #showLoad(choice: ModelChoice, isFirst: boolean, download: Download | undefined): void {
    this.#store.update(
      isFirst
        ? { choice, model: { status: "loading", download }, problem: undefined }
        : { change: { status: "loading", choice, download } },
    );
  }

  /** Takes a loaded model into use, and lets the one before go. */
  #replaceModel(clip: ChineseCLIP, choice: ModelChoice, images: readonly LibraryImage[]): void {
    const { settings, images: old } = this.#store.state;
    this.#indexer?.stop();
    void this.#clip?.dispose();
    if (old !== images) for (const { thumbnailUrl } of old) URL.revokeObjectURL(thumbnailUrl);
    this.#clip = clip;
    this.#labelled = undefined;
    this.#indexer = this.#createIndexer(clip, keyOf(choice));
    if (choice.kind !== "picked")
      this.changeSettings({ ...settings, remote: choice.kind === "remote" ? { source: choice.source, dtype: choice.dtype } : undefined });
    this.#store.update({
      choice,
      change: undefined,
      imageDownload: undefined,
      imageMs: undefined,
      problem: undefined,
      unreadable: [],
      logitScale: clip.model.logitScale,
    });
    this.#backend.useModel(clip);
    this.#showImages(images);
  }

  #createIndexer(clip: ChineseCLIP, model: string): Indexer {
    const indexer: Indexer = new Indexer(clip, this.#library, model, {
      knows: (id) => this.#store.state.images.some((image) => image.id === id),
      onImage: (image, imageMs) => {
        if (indexer !== this.#indexer) return;
        this.#store.update({ imageMs });
        this.#showImages([...this.#store.state.images, image]);
      },
      onUnreadable: (name, reason) => this.#store.update({ unreadable: [...this.#store.state.unreadable, { name, reason }] }),
      onProgress: (indexing) => this.#store.update({ indexing }),
      onProblem: (error) => this.report(error),
    });
    return indexer;
  }

  async #label(): Promise<void> {
    this.#labelling.abort();
    const { signal } = (this.#labelling = new AbortController());
    const { candidates, settings, images } = this.#store.state;
    const image = images.find(({ id }) => id === this.#labelled);
    const written = candidates.filter(({ label }) => label.trim() !== "");
    const clip = this.#clip;
    if (clip === undefined || image === undefined || written.length === 0) return;
    try {
      const { data, dim } = await clip.embedText(
        written.map(({ label }) => settings.template.replaceAll("{}", label)),
        { signal },
      );
      const found = written.map(({ key }, i) => [key, cosine(data.subarray(i * dim, (i + 1) * dim), image.embedding)] as const);
      if (signal.aborted) return;
      this.#store.update({ similarities: new Map(found) });
      this.sortCandidates();
    } catch (error) {
      if (!signal.aborted) this.report(error);
    }
  }

  #showImages(images: readonly LibraryImage[]): void {
    const hadNone = this.#store.state.images.length === 0;
    this.#store.update({ images });
    if (hadNone || images.length === 0) {
      clearTimeout(this.#refresh);
      this.#refresh = undefined;
      void this.#onImages();
    } else
      this.#refresh ??= setTimeout(() => {
        this.#refresh = undefined;
        void this.#onImages();
      }, REFRESH);
  }
}
