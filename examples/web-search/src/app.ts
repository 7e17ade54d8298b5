/**
 * What the visitor can do: each verb changes the state, and the page follows. What is still under way for an earlier wish (a sentence, a
 * model) has no effect once there is a newer one.
 */
import type { ChineseCLIP } from "@chinese-clip/web";
import type { AppState } from "./app-state.js";
import { Indexer } from "./indexer.js";
import type { ModelChoice } from "./model-choice.js";
import { isPicture } from "./picked-files.js";
import type { Picture, PictureLibrary } from "./picture-library.js";
import { type Candidate, cosine, rank } from "./ranking.js";
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

  /** Loads a model and its index, instead of the one before. */
  async useModel(choice: ModelChoice): Promise<void> {
    this.#loading.abort();
    this.#indexer?.stop();
    this.#indexer = undefined;
    const { signal } = (this.#loading = new AbortController());
    const before = this.#clip;
    this.#clip = undefined;
    this.#query = undefined;
    const { settings, query } = this.#store.state;
    if (query.kind === "text") this.#waiting = { ...this.#waiting, text: query.text };
    const remote = choice.kind === "remote" ? { source: choice.source, dtype: choice.dtype } : undefined;
    if (choice.kind !== "picked") this.changeSettings({ ...settings, remote });
    const model = keyOf(choice);
    this.#store.update({
      choice,
      model: { status: "loading", progress: undefined },
      backends: {},
      query: { kind: "none" },
      selected: undefined,
    });
    this.#store.update({ pictureMs: undefined, searchMs: undefined, problem: undefined, unreadable: [] });
    try {
      await before?.dispose();
      for (const { thumbnailUrl } of this.#store.state.pictures) URL.revokeObjectURL(thumbnailUrl);
      this.#showPictures(await this.#library.read(model));
      const started = performance.now();
      const clip = await loadSearchModel(choice, {
        signal,
        onProgress: (event) => {
          if (event.status === "progress" && this.#clip === undefined)
            this.#store.update({ model: { status: "loading", progress: event.progress / 100 } });
        },
        onBackend: (report) => {
          const tower = report.output === "text_features" ? "text" : "image";
          this.#store.update({ backends: { ...this.#store.state.backends, [tower]: report } });
        },
      });
      if (signal.aborted) {
        await clip.dispose();
        return;
      }
      this.#clip = clip;
      this.#indexer = this.#createIndexer(clip, model);
      this.#store.update({ model: { status: "ready", loadMs: performance.now() - started }, logitScale: clip.model.logitScale });
      const { files, text } = this.#waiting;
      this.#waiting = { files: [], text: undefined };
      if (text !== undefined) await this.search(text);
      void this.#indexer.add(files);
      // A first visit fetches all that later ones need; a later one may only want to search.
      if (this.#store.state.pictures.length === 0) await warmImageTower(clip);
    } catch (error) {
      if (!signal.aborted) this.#store.update({ model: { status: "failed", message: messageOf(error) } });
    }
  }

  /** Adds pictures to the index. */
  async addFiles(files: readonly File[], nothingFound: string): Promise<void> {
    const pictures = files.filter(isPicture);
    this.#store.update({ problem: pictures.length === 0 ? nothingFound : undefined });
    if (this.#indexer !== undefined) await this.#indexer.add(pictures);
    else this.#waiting = { ...this.#waiting, files: [...this.#waiting.files, ...pictures] };
  }

  /** Shows what went wrong. */
  report(error: unknown): void {
    this.#store.update({ problem: messageOf(error) });
  }

  /** Leaves out what is not indexed yet. */
  stopIndexing(): void {
    this.#indexer?.stop();
  }

  /** Searches by a sentence; an empty one shows all pictures. */
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

  /** Searches by a picture that needs not be in the index. */
  async searchByFile(file: File): Promise<void> {
    await this.#searchFor(async (clip, signal) => {
      const [{ data }, thumbnail] = await Promise.all([clip.embedImage(file, { signal }), createThumbnail(file)]);
      return { embedding: data, query: { kind: "picture", name: file.name, thumbnailUrl: URL.createObjectURL(thumbnail) } };
    });
  }

  /** Searches by a picture of the index. */
  async searchByPicture({ name, thumbnailUrl, embedding }: Picture): Promise<void> {
    await this.#searchFor(async () => ({ embedding, query: { kind: "picture", name, thumbnailUrl } }));
  }

  /** Shows all pictures again. */
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

  /** Looks at one picture, and labels it; or at none. */
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

  /** A candidate of a key of its own. */
  createCandidate(label: string): Candidate {
    return { key: ++this.#lastCandidate, label, weight: 1 };
  }

  /** Forgets one picture. */
  async removePicture({ id }: Picture): Promise<void> {
    const { choice, pictures } = this.#store.state;
    await this.#library.remove(keyOf(choice), id);
    this.#store.update({ selected: undefined });
    this.#showPictures(pictures.filter((picture) => picture.id !== id));
  }

  /** Forgets all pictures of the model. */
  async removeAll(): Promise<void> {
    this.#indexer?.stop();
    await this.#library.clear(keyOf(this.#store.state.choice));
    this.#store.update({ selected: undefined, unreadable: [], pictureMs: undefined });
    this.#showPictures([]);
    this.clearQuery();
  }

  /** Takes and keeps other settings. */
  changeSettings(settings: Settings): void {
    this.#store.update({ settings });
    writeSettings(settings);
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
      if (!signal.aborted) this.#store.update({ similarities: new Map(found) });
    } catch (error) {
      if (!signal.aborted) this.report(error);
    }
  }

  #showPictures(pictures: readonly Picture[]): void {
    this.#store.update({ pictures, matches: rank(pictures, this.#query) });
  }
}

function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}
