/**
 * A result of any length, of which only the parts that are looked at are fetched and held.
 */
import type { ImageItem, ResultPage, ResultWindow } from "../backend.js";

/** Images that are fetched together: two screens of a large window. */
export const PAGE = 120;

/** Pages that are held: those used least recently are fetched again when they are looked at. */
const MAX_PAGES = 60;

/** Fetches a part of the result. */
export type LoadWindow = (window: ResultWindow, signal: AbortSignal) => Promise<ResultPage>;

/** What a {@link ResultList} tells. */
export interface ResultListeners {
  /** Another part is there. */
  readonly onChange: () => void;
  /** A part cannot be fetched; `want` tries again. */
  readonly onError: (error: unknown) => void;
}

/** The result of one search. */
export class ResultList {
  readonly #load: LoadWindow;
  readonly #listeners: ResultListeners;
  /** By number, in the order of their last use. */
  readonly #pages: Map<number, readonly ImageItem[]> = new Map();
  readonly #loading: Map<number, AbortController> = new Map();
  #total = 0;
  #wanted: readonly number[] = [];

  private constructor(load: LoadWindow, listeners: ResultListeners) {
    this.#load = load;
    this.#listeners = listeners;
  }

  /** A result of which the first part is there. @throws what `load` throws. */
  static async open(
    load: LoadWindow,
    listeners: ResultListeners,
    signal: AbortSignal,
  ): Promise<{ readonly list: ResultList; readonly first: ResultPage }> {
    const list = new ResultList(load, listeners);
    const first = await load({ offset: 0, limit: PAGE }, signal);
    list.#take(0, first);
    return { list, first };
  }

  /** Images of the whole result. */
  get total(): number {
    return this.#total;
  }

  /** The image of a place; undefined while it is not there. */
  at(index: number): ImageItem | undefined {
    return this.#pages.get(Math.floor(index / PAGE))?.[index % PAGE];
  }

  /** The place of an image among those that are held. */
  indexOf(id: string): number | undefined {
    for (const [page, items] of this.#pages) {
      const place = items.findIndex((item) => item.id === id);
      if (place >= 0) return page * PAGE + place;
    }
    return undefined;
  }

  /** Fetches what is missing of `first` to `end` (not included), and stops fetching what is not looked at any more. */
  want(first: number, end: number): void {
    const pages: number[] = [];
    for (let page = Math.floor(Math.max(0, first) / PAGE); page * PAGE < Math.min(end, this.#total); page++) pages.push(page);
    this.#wanted = pages;
    for (const [page, controller] of this.#loading) {
      if (pages.includes(page)) continue;
      controller.abort();
      this.#loading.delete(page);
    }
    for (const page of pages) {
      const held = this.#pages.get(page);
      if (held === undefined) void this.#fetch(page);
      else {
        this.#pages.delete(page);
        this.#pages.set(page, held);
      }
    }
  }

  /** Fetches again what could not be fetched. */
  retry(): void {
    const [first = 0] = this.#wanted;
    this.want(first * PAGE, (this.#wanted.at(-1) ?? 0) * PAGE + PAGE);
  }

  /** Stops fetching. */
  close(): void {
    for (const controller of this.#loading.values()) controller.abort();
    this.#loading.clear();
  }

  async #fetch(page: number): Promise<void> {
    if (this.#loading.has(page)) return;
    const controller = new AbortController();
    this.#loading.set(page, controller);
    try {
      const result = await this.#load({ offset: page * PAGE, limit: PAGE }, controller.signal);
      if (!controller.signal.aborted) {
        this.#take(page, result);
        this.#listeners.onChange();
      }
    } catch (error) {
      if (!controller.signal.aborted) this.#listeners.onError(error);
    } finally {
      if (this.#loading.get(page) === controller) this.#loading.delete(page);
    }
  }

  #take(page: number, { total, items }: ResultPage): void {
    this.#total = total;
    this.#pages.set(page, items);
    for (const old of this.#pages.keys()) {
      if (this.#pages.size <= MAX_PAGES) break;
      if (!this.#wanted.includes(old)) this.#pages.delete(old);
    }
  }
}
