/**
 * What the visitor can do: each verb changes the state, and the page follows. What is still under way for an earlier wish (a sentence, a
 * model) has no effect once there is a newer one.
 */
import { type BackendReport, type ChineseCLIP, cosine } from "@chinese-clip/web";
import type { AppState } from "./app-state.js";
import { Indexer } from "./indexer.js";
import type { ModelChoice } from "./model-choice.js";
import { DownloadMeter, type Download } from "./load-progress.js";
import { isHidden, isPicture } from "./picked-files.js";
import type { Picture, PictureLibrary } from "./picture-library.js";
import { type Candidate, probabilities, rank } from "./ranking.js";
import { fetchSamples } from "./samples.js";
import { keyOf, loadSearchModel, warmImageTower } from "./search-model.js";
import { type Settings, writeSettings } from "./settings.js";
import type { Store } from "./store.js";
import { createThumbnail } from "./thumbnail.js";

/** Matches that are shown at once. */
export const PAGE_SIZE = 60;

/** The page's verbs. */
export class App {
  readonly #store: Store<AppState>;
  readonly #library: PictureLibrary;
  #loading = new AbortController();
  #searching = new AbortController();
  #labelling = new AbortController();
  #clip: ChineseCLIP | undefined;
  #indexer: Indexer | undefined;
  /** What is searched for. */
  #query: Float32Array | undefined;
  /** What the visitor wanted while there was no model to do it. */
  #waiting: { readonly files: readonly File[]; readonly text: string | undefined } = { files: [], text: undefined };
  #lastCandidate = 0;

  constructor(store: Store<AppState>, library: PictureLibrary) {
    this.#store = store;
    this.#library = library;
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
      const pictures = await this.#library.read(keyOf(choice));
      if (signal.aborted) {
        await clip.dispose();
        return;
      }
      isReady = true;
      meter = new DownloadMeter();
      this.#replaceModel(clip, choice, pictures);
      this.#store.update({ model: { status: "ready", loadMs: performance.now() - started }, backends: { ...backends } });
    } catch (error) {
      await clip?.dispose();
      if (signal.aborted) return;
      this.#store.update(isFirst ? { model: { status: "failed", error } } : { change: { status: "failed", choice, error } });
      return;
    }
    const { files, text } = this.#waiting;
    this.#waiting = { files: [], text: undefined };
    if (text !== undefined) await this.search(text);
    void this.#indexer?.add(files);
    // A first visit fetches all that later ones need; a later one may only want to search.
    if (this.#store.state.pictures.length > 0) return;
    try {
      await warmImageTower(clip);
    } catch (error) {
      if (clip === this.#clip) this.report(error);
    }
  }

  /** Adds images to the index; files of other formats are listed. */
  async addFiles(files: readonly File[]): Promise<void> {
    const pictures = files.filter(isPicture);
    const others = files.filter((file) => !isPicture(file) && !isHidden(file)).map(({ name }) => name);
    this.#store.update({
      problem: pictures.length === 0 ? { kind: "no-picture" } : undefined,
      skipped: [...new Set([...this.#store.state.skipped, ...others])],
    });
    if (this.#indexer !== undefined) await this.#indexer.add(pictures);
    else this.#waiting = { ...this.#waiting, files: [...this.#waiting.files, ...pictures] };
  }

  /** Adds the sample images. */
  async addSamples(): Promise<void> {
    try {
      await this.addFiles(await fetchSamples());
    } catch (error) {
      this.report(error);
    }
  }

  /** Searches by a sentence of the page's own: of the demo model, among the sample images if there are no others. */
  async trySentence(text: string): Promise<void> {
    const { pictures, indexing, choice } = this.#store.state;
    if (pictures.length === 0 && indexing === undefined && choice.kind === "demo") void this.addSamples();
    await this.search(text);
  }

  /** Shows what went wrong. */
  report(error: unknown): void {
    this.#store.update({ problem: { kind: "error", error } });
  }

  /** Leaves out what is not indexed yet. */
  stopIndexing(): void {
    this.#indexer?.stop();
  }

  /** Searches by a sentence; an empty one shows all images. */
  async search(text: string): Promise<void> {
    if (text.trim() === "") {
      this.clearQuery();
      return;
    }
    if (this.#clip === undefined) this.#waiting = { ...this.#waiting, text };
    await this.#searchFor(async (clip, signal) => {
      const { data, truncated } = await clip.embedText(text, { signal });
      return { embedding: data, query: { kind: "text", text, truncated: truncated[0] === true } };
    });
  }

  /** Searches by an image that needs not be in the index. */
  async searchByFile(file: File): Promise<void> {
    await this.#searchFor(async (clip, signal) => {
      const [{ data }, thumbnail] = await Promise.all([clip.embedImage(file, { signal }), createThumbnail(file)]);
      return { embedding: data, query: { kind: "picture", name: file.name, thumbnailUrl: URL.createObjectURL(thumbnail) } };
    });
  }

  /** Searches by an image of the index. */
  async searchByPicture({ name, thumbnailUrl, embedding }: Picture): Promise<void> {
    await this.#searchFor(async () => ({ embedding, query: { kind: "picture", name, thumbnailUrl } }));
  }

  /** Shows all images again. */
  clearQuery(): void {
    this.#searching.abort();
    this.#query = undefined;
    this.#waiting = { ...this.#waiting, text: undefined };
    this.#store.update({ query: { kind: "none" }, searchMs: undefined, shown: PAGE_SIZE });
    this.#showPictures(this.#store.state.pictures);
  }

  /** Shows more of the matches. */
  showMore(): void {
    this.#store.update({ shown: this.#store.state.shown + PAGE_SIZE });
  }

  /** Looks at one image, and labels it; or at none. */
  async select(selected: Picture | undefined): Promise<void> {
    this.#store.update({ selected, similarities: new Map() });
    await this.#label();
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

  /** A candidate of a key of its own. */
  createCandidate(label: string): Candidate {
    return { key: ++this.#lastCandidate, label, weight: 1 };
  }

  /** Forgets one image. */
  async removePicture({ id }: Picture): Promise<void> {
    const { choice, pictures } = this.#store.state;
    await this.#library.remove(keyOf(choice), id);
    this.#store.update({ selected: undefined });
    this.#showPictures(pictures.filter((picture) => picture.id !== id));
  }

  /** Forgets all images of the model. */
  async removeAll(): Promise<void> {
    this.#indexer?.stop();
    await this.#library.clear(keyOf(this.#store.state.choice));
    this.#store.update({ selected: undefined, unreadable: [], skipped: [], pictureMs: undefined });
    this.#showPictures([]);
    this.clearQuery();
  }

  /** Takes and keeps other settings. */
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
  #replaceModel(clip: ChineseCLIP, choice: ModelChoice, pictures: readonly Picture[]): void {
    const { settings, query, pictures: old } = this.#store.state;
    this.#indexer?.stop();
    this.#searching.abort();
    void this.#clip?.dispose();
    for (const { thumbnailUrl } of old) URL.revokeObjectURL(thumbnailUrl);
    this.#clip = clip;
    this.#query = undefined;
    this.#indexer = this.#createIndexer(clip, keyOf(choice));
    // The sentence is searched for again, with this model.
    if (query.kind === "text") this.#waiting = { ...this.#waiting, text: query.text };
    if (choice.kind !== "picked")
      this.changeSettings({ ...settings, remote: choice.kind === "remote" ? { source: choice.source, dtype: choice.dtype } : undefined });
    this.#store.update({
      choice,
      change: undefined,
      imageDownload: undefined,
      query: { kind: "none" },
      selected: undefined,
      pictureMs: undefined,
      searchMs: undefined,
      problem: undefined,
      unreadable: [],
      logitScale: clip.model.logitScale,
    });
    this.#showPictures(pictures);
  }

  #createIndexer(clip: ChineseCLIP, model: string): Indexer {
    const indexer: Indexer = new Indexer(clip, this.#library, model, {
      knows: (id) => this.#store.state.pictures.some((picture) => picture.id === id),
      onPicture: (picture, pictureMs) => {
        if (indexer !== this.#indexer) return;
        this.#store.update({ pictureMs });
        this.#showPictures([...this.#store.state.pictures, picture]);
      },
      onUnreadable: (name) => this.#store.update({ unreadable: [...this.#store.state.unreadable, name] }),
      onProgress: (indexing) => this.#store.update({ indexing }),
      onProblem: (error) => this.report(error),
    });
    return indexer;
  }

  async #searchFor(
    find: (clip: ChineseCLIP, signal: AbortSignal) => Promise<{ embedding: Float32Array; query: AppState["query"] }>,
  ): Promise<void> {
    const clip = this.#clip;
    if (clip === undefined) return;
    this.#searching.abort();
    const { signal } = (this.#searching = new AbortController());
    const started = performance.now();
    try {
      const { embedding, query } = await find(clip, signal);
      if (signal.aborted || clip !== this.#clip) return;
      this.#query = embedding;
      this.#showPictures(this.#store.state.pictures);
      this.#store.update({ query, searchMs: performance.now() - started, shown: PAGE_SIZE, problem: undefined });
    } catch (error) {
      if (!signal.aborted) this.report(error);
    }
  }

  async #label(): Promise<void> {
    this.#labelling.abort();
    const { signal } = (this.#labelling = new AbortController());
    const { selected, candidates, settings } = this.#store.state;
    const written = candidates.filter(({ label }) => label.trim() !== "");
    const clip = this.#clip;
    if (clip === undefined || selected === undefined || written.length === 0) return;
    try {
      const { data, dim } = await clip.embedText(
        written.map(({ label }) => settings.template.replaceAll("{}", label)),
        { signal },
      );
      const found = written.map(({ key }, i) => [key, cosine(data.subarray(i * dim, (i + 1) * dim), selected.embedding)] as const);
      if (signal.aborted) return;
      this.#store.update({ similarities: new Map(found) });
      this.sortCandidates();
    } catch (error) {
      if (!signal.aborted) this.report(error);
    }
  }

  #showPictures(pictures: readonly Picture[]): void {
    this.#store.update({ pictures, matches: rank(pictures, this.#query) });
  }
}
