/**
 * The page's places in the browser's history. An entry holds, beside its address, how far the page was scrolled, and which image was searched for.
 */
import type { SearchQuery } from "../backend.js";
import { type Address, formatAddress, parseAddress } from "./address.js";

/** What an entry of the history holds beside its address. */
interface Entry {
  /** Pixels. */
  readonly scroll?: number;
  /** Number of a picked image; after a reload there is none by any number. */
  readonly image?: number;
  /** Whether the entry before is the same place with the details closed. */
  readonly isOpened?: boolean;
}

/** How an address comes into the history: as a new entry; as one that follows what is being typed or set; as one that `leaveOpened` leaves; in place. */
export type HistoryStep = "new" | "draft-text" | "draft-filter" | "open" | "replace";

/** Picked images that the history can go back to. */
const MAX_IMAGES = 20;

/** The history. */
export class PageHistory {
  readonly #images: Map<number, { readonly query: SearchQuery & { kind: "image" }; readonly url: string }> = new Map();
  readonly #ended = new AbortController();
  #image = 0;
  #draft: HistoryStep | undefined;
  #isOpened = entry().isOpened === true;
  /** Where the page was scrolled to in an entry that was gone back to; once the result is there. */
  #scroll: number | undefined;

  /** @param onMove - the visitor went back or forward. */
  constructor(onMove: (address: Address) => void) {
    history.scrollRestoration = "manual";
    this.#scroll = entry().scroll;
    const { signal } = this.#ended;
    addEventListener(
      "popstate",
      () => {
        this.#draft = undefined;
        const isClosed = this.#isOpened && entry().isOpened !== true;
        this.#isOpened = entry().isOpened === true;
        // Where the details are closed, the place is the same.
        this.#scroll = isClosed ? undefined : (entry().scroll ?? 0);
        onMove(this.address);
      },
      { signal },
    );
    addEventListener("pagehide", () => this.#remember(), { signal });
  }

  /** The address as it is. */
  get address(): Address {
    const address = parseAddress(location.search);
    const image = this.#images.get(entry().image ?? -1);
    return image === undefined ? address : { ...address, query: image.query };
  }

  /** Goes to an address. */
  write(address: Address, step: HistoryStep): void {
    const url = `${location.pathname}${formatAddress(address)}`;
    const isReplaced = step === "replace" || step === this.#draft;
    if (step !== "replace") this.#draft = step.startsWith("draft") ? step : undefined;
    const next: Entry = {
      ...(address.query.kind === "image" ? { image: this.#numberOf(address.query) } : {}),
      ...(step === "open" || (step === "replace" && address.open !== undefined && entry().isOpened === true) ? { isOpened: true } : {}),
    };
    this.#isOpened = next.isOpened === true;
    if (isReplaced) history.replaceState({ ...next, scroll: scrollY }, "", url);
    else {
      this.#remember();
      history.pushState(step === "open" ? { ...next, scroll: scrollY } : next, "", url);
      this.#scroll = step === "open" ? undefined : 0;
    }
  }

  /** From now on a draft is a new entry. */
  endDraft(): void {
    this.#draft = undefined;
  }

  /** Goes back where the entry before is the same place with the details closed. @returns whether it is. */
  leaveOpened(): boolean {
    if (entry().isOpened !== true) return false;
    history.back();
    return true;
  }

  /** Where the page has to be scrolled to, once. */
  takeScroll(): number | undefined {
    const scroll = this.#scroll;
    this.#scroll = undefined;
    return scroll;
  }

  /** An address of a picked image. */
  urlOf(file: Blob): string | undefined {
    return [...this.#images.values()].find(({ query }) => query.file === file)?.url;
  }

  /** Listens no longer. */
  dispose(): void {
    this.#ended.abort();
    for (const { url } of this.#images.values()) URL.revokeObjectURL(url);
  }

  #remember(): void {
    history.replaceState({ ...entry(), scroll: scrollY }, "");
  }

  #numberOf(query: SearchQuery & { kind: "image" }): number {
    for (const [number, image] of this.#images) if (image.query.file === query.file) return number;
    this.#images.set(++this.#image, { query, url: URL.createObjectURL(query.file) });
    for (const [number, { url }] of this.#images) {
      if (this.#images.size <= MAX_IMAGES) break;
      URL.revokeObjectURL(url);
      this.#images.delete(number);
    }
    return this.#image;
  }
}

function entry(): Entry {
  const { state } = history as { readonly state: unknown };
  return typeof state === "object" && state !== null ? state : {};
}
