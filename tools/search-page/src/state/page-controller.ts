/**
 * What the visitor can do: each action changes the state and the address, and the page follows. What is still under way for an earlier wish has
 * no effect once there is a newer one.
 */
import { BackendError, type DuplicateTier, type ImageFilter, type ImageItem, type SearchBackend, type SearchRequest } from "../backend.js";
import { type Language, readLanguage, writeLanguage } from "../words/language.js";
import { baseName } from "../shown-name.js";
import { type Address, defined } from "./address.js";
import { Connection, isPassing } from "./connection.js";
import { type HistoryStep, PageHistory } from "./page-history.js";
import type { PageState } from "./page-state.js";
import { ResultList } from "./result-list.js";
import { Store } from "./store.js";

/** Groups of duplicates that are fetched together. */
const GROUPS = 40;

const NO_DUPLICATES: PageState["duplicates"] = { status: "waiting", total: 0, groups: [], error: undefined };

/** The page's actions. */
export class PageController {
  readonly #backend: SearchBackend;
  readonly #store: Store<PageState>;
  readonly #history: PageHistory;
  readonly #connection: Connection;
  #informing = new AbortController();
  #searching = new AbortController();
  #opening = new AbortController();
  #comparing = new AbortController();

  /** @param show - is called once after any number of changes that are made together. */
  constructor(backend: SearchBackend, show: (state: PageState) => void) {
    this.#backend = backend;
    this.#history = new PageHistory((address) => this.#apply(address));
    this.#connection = new Connection(
      () => this.#resume(),
      (connection) => this.#store.update({ connection }),
    );
    const initial: PageState = {
      language: readLanguage(),
      info: undefined,
      address: this.#history.address,
      showsFilters: false,
      search: { status: "waiting", since: performance.now() },
      results: undefined,
      revision: 0,
      queryImageUrl: undefined,
      open: undefined,
      duplicates: NO_DUPLICATES,
      connection: { status: "ok" },
      needsKey: false,
    };
    this.#store = new Store<PageState>(initial, show);
  }

  /** The state as it is. */
  get state(): PageState {
    return this.#store.state;
  }

  /** Name of the index that is searched; undefined before the backend has told. */
  get index(): string | undefined {
    const { info, address } = this.state;
    return info?.indexes.find(({ name }) => name === address.index)?.name ?? info?.indexes[0]?.name;
  }

  /** Asks the backend what it has, and shows what the address says. */
  async start(): Promise<void> {
    this.#informing.abort();
    const { signal } = (this.#informing = new AbortController());
    try {
      const info = await this.#backend.info(signal);
      if (signal.aborted) return;
      this.#connection.succeeded();
      this.#store.update({ info, needsKey: false });
    } catch (error) {
      if (!signal.aborted) this.#fail(error);
      return;
    }
    this.#search();
    const { duplicates, open } = this.state.address;
    if (duplicates !== undefined) this.#compare(0);
    if (open !== undefined && this.state.open?.details === undefined) this.#show(open);
  }

  /** Asks again for all that may have changed: images were added or removed. What is shown stays until the answers are there. */
  async refresh(): Promise<void> {
    if (this.state.info === undefined) {
      await this.start();
      return;
    }
    const { signal } = this.#informing;
    try {
      this.#store.update({ info: await this.#backend.info(signal) });
    } catch (error) {
      if (!signal.aborted) this.#fail(error);
      return;
    }
    this.#search();
  }

  /** Searches by a sentence; an empty one shows all images. @param isFinal - whether the visitor has finished typing. */
  searchText(text: string, isFinal: boolean): void {
    const { query } = this.state.address;
    const next = text.trim() === "" ? ({ kind: "all" } as const) : ({ kind: "text", text } as const);
    const isSame = query.kind === next.kind && (query.kind !== "text" || next.kind !== "text" || query.text === next.text);
    if (isSame && this.state.address.duplicates === undefined) {
      if (isFinal) this.#history.endDraft();
      if (isFinal && this.state.search.status === "failed") this.#search();
      return;
    }
    this.#navigate({ query: next, duplicates: undefined, open: undefined }, isFinal ? "new" : "draft-text");
  }

  /** Searches for images like one of the index. */
  searchSimilar({ id, name }: ImageItem): void {
    this.#navigate({ query: { kind: "similar", id, name }, duplicates: undefined, open: undefined }, "new");
  }

  /** Searches for images like one from the disk. */
  searchImage(file: Blob, name: string): void {
    this.#navigate({ query: { kind: "image", file, name }, duplicates: undefined, open: undefined }, "new");
  }

  /** Takes other conditions. */
  setFilter(filter: ImageFilter): void {
    this.#navigate({ filter: defined(filter) }, "draft-filter");
  }

  /** Takes another least score; undefined for none. */
  setMinScore(minScore: number | undefined): void {
    this.#navigate({ minScore }, "draft-filter");
  }

  /** Drops all conditions. */
  clearFilter(): void {
    this.#navigate({ filter: {}, minScore: undefined }, "new");
  }

  /** Shows or hides the conditions. */
  toggleFilters(): void {
    this.#store.update({ showsFilters: !this.state.showsFilters });
  }

  /** Searches in another index. */
  setIndex(index: string): void {
    this.#navigate({ index, open: undefined }, "new");
  }

  /** Shows duplicates of a tier, or results. */
  showDuplicates(duplicates: DuplicateTier | undefined): void {
    this.#navigate({ duplicates, open: undefined }, "new");
  }

  /** Fetches more groups of duplicates. */
  moreDuplicates(): void {
    this.#compare(this.state.duplicates.groups.length);
  }

  /** Opens an image's details. */
  open(item: ImageItem, place: number | undefined): void {
    const isOpen = this.state.open !== undefined;
    this.#store.update({ open: { item, place, details: undefined, error: undefined } });
    this.#navigate({ open: item.id }, isOpen ? "replace" : "open");
    this.#load(item.id);
  }

  /** Opens the details of the image before or after. @returns its place; undefined where there is none. */
  step(by: number): number | undefined {
    const { open, results } = this.state;
    const place = open?.place === undefined ? undefined : open.place + by;
    const item = place === undefined ? undefined : results?.at(place);
    if (place === undefined || item === undefined) return undefined;
    this.open(item, place);
    return place;
  }

  /** Closes the details. */
  close(): void {
    if (this.state.open === undefined) return;
    this.#store.update({ open: undefined });
    if (!this.#history.leaveOpened()) this.#navigate({ open: undefined }, "replace");
  }

  /** Takes another language. */
  setLanguage(language: Language): void {
    writeLanguage(language);
    this.#store.update({ language });
  }

  /** Tries again at once what failed. */
  retry(): void {
    if (this.state.connection.status === "away") this.#connection.tryNow();
    else this.#resume();
  }

  /** Uses a key, and begins again. */
  useKey(key: string): void {
    this.#backend.useKey?.(key);
    void this.start();
  }

  /** Where the window has to be scrolled to, once, after the visitor went to another place. */
  takeScroll(): number | undefined {
    return this.#history.takeScroll();
  }

  /** Shows the state again, after something changed that is no part of it. */
  redraw(): void {
    this.#store.update({});
  }

  /** Ends all that is under way. */
  dispose(): void {
    for (const controller of [this.#informing, this.#searching, this.#opening, this.#comparing]) controller.abort();
    this.state.results?.close();
    this.#connection.close();
    this.#history.dispose();
  }

  #navigate(changes: Partial<Address>, how: HistoryStep): void {
    const address = { ...this.state.address, ...changes };
    this.#history.write(address, how);
    this.#apply(address);
  }

  /** Makes the page what an address says. */
  #apply(address: Address): void {
    const before = this.state.address;
    const { query } = address;
    this.#store.update({ address, queryImageUrl: query.kind === "image" ? this.#history.urlOf(query.file) : undefined });
    if (searchOf(before) !== searchOf(address) || (query.kind === "image" && query !== before.query)) this.#search();
    if (address.duplicates !== undefined && (before.duplicates !== address.duplicates || before.index !== address.index)) this.#compare(0);
    const { open } = this.state;
    if (address.open === undefined && open !== undefined) this.#store.update({ open: undefined });
    if (address.open !== undefined && address.open !== open?.item.id) this.#show(address.open);
  }

  #search(): void {
    const { index } = this;
    if (index === undefined) return;
    this.#searching.abort();
    const { signal } = (this.#searching = new AbortController());
    const { query, filter, minScore } = this.state.address;
    const request: SearchRequest = { index, query, filter, minScore: query.kind === "all" ? undefined : minScore };
    const since = performance.now();
    this.#store.update({ search: { status: "waiting", since } });
    const found = ResultList.open(
      (window, ended) => this.#backend.search(request, window, ended),
      {
        onChange: () => {
          this.#connection.succeeded();
          this.#store.update({ revision: this.state.revision + 1 });
        },
        onError: (error) => this.#fail(error),
      },
      signal,
    );
    found.then(
      ({ list, first }) => {
        if (signal.aborted) return;
        this.#connection.succeeded();
        this.state.results?.close();
        const { open } = this.state;
        this.#store.update({
          results: list,
          revision: this.state.revision + 1,
          search: { status: "done", ms: performance.now() - since, truncated: first.truncated === true },
          open: open === undefined ? undefined : { ...open, place: list.indexOf(open.item.id) },
        });
      },
      (error: unknown) => {
        if (!signal.aborted) this.#fail(error, () => this.#store.update({ search: { status: "failed", error } }));
      },
    );
  }

  #show(id: string): void {
    const place = this.state.results?.indexOf(id);
    const item = (place === undefined ? undefined : this.state.results?.at(place)) ?? { id, name: baseName(id) };
    this.#store.update({ open: { item, place, details: undefined, error: undefined } });
    this.#load(id);
  }

  #load(id: string): void {
    this.#opening.abort();
    const { signal } = (this.#opening = new AbortController());
    const { index } = this;
    if (index === undefined) return;
    const update = (changes: { details: NonNullable<PageState["open"]>["details"] } | { error: unknown }): void => {
      const { open } = this.state;
      if (!signal.aborted && open?.item.id === id) this.#store.update({ open: { ...open, ...changes } });
    };
    this.#backend.details(index, id, signal).then(
      (details) => {
        if (!signal.aborted) this.#connection.succeeded();
        update({ details });
      },
      (error: unknown) => {
        if (!signal.aborted) this.#fail(error, () => update({ error }));
      },
    );
  }

  #compare(offset: number): void {
    const { index } = this;
    const tier = this.state.address.duplicates;
    if (index === undefined || tier === undefined) return;
    this.#comparing.abort();
    const { signal } = (this.#comparing = new AbortController());
    const before = offset === 0 ? NO_DUPLICATES : this.state.duplicates;
    this.#store.update({ duplicates: { ...before, status: "waiting" } });
    this.#backend.duplicates(index, tier, { offset, limit: GROUPS }, signal).then(
      ({ total, groups }) => {
        if (signal.aborted) return;
        this.#connection.succeeded();
        this.#store.update({ duplicates: { status: "done", total, groups: [...before.groups, ...groups], error: undefined } });
      },
      (error: unknown) => {
        if (!signal.aborted) this.#fail(error, () => this.#store.update({ duplicates: { ...before, status: "failed", error } }));
      },
    );
  }

  #fail(error: unknown, show?: () => void): void {
    if (isPassing(error)) this.#connection.failed(error);
    else if (error instanceof BackendError && error.code === "unauthorized" && this.#backend.useKey !== undefined)
      this.#store.update({ needsKey: true });
    else if (show !== undefined) show();
    else this.#store.update({ search: { status: "failed", error } });
  }

  /** Asks again for all that has no answer. */
  #resume(): void {
    const { info, search, results, open, duplicates, address } = this.state;
    if (info === undefined) {
      void this.start();
      return;
    }
    if (search.status !== "done") this.#search();
    results?.retry();
    if (open !== undefined && open.details === undefined) this.#load(open.item.id);
    if (address.duplicates !== undefined && duplicates.status !== "done") this.#compare(duplicates.groups.length);
  }
}

/** What of an address decides which images are found; but for a picked image, which is compared by itself. */
function searchOf({ index, query, filter, minScore }: Address): string {
  return JSON.stringify([
    index,
    query.kind,
    query.kind === "text" ? query.text : query.kind === "similar" ? query.id : "",
    filter,
    minScore,
  ]);
}
