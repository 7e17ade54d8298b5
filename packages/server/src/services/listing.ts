/**
 * The ids of an index in its own order, so that a page that scrolls through 50,000 items does not make the store pass them all for each screen.
 */
import type { Filter } from "@chinese-clip/search";
import type { NamedIndex } from "./indexes.js";

/** Milliseconds that a list is used for: items that came since are missing until then. */
const FRESH_MILLISECONDS = 5000;

/** Lists that are stored, at most. */
const MAX_LISTS = 8;

/** The lists of a server. */
export class Listing {
  readonly #lists: Map<string, { readonly at: number; readonly ids: Promise<readonly string[]> }> = new Map();

  /** The ids of all items that match. */
  ids({ name, store }: NamedIndex, filter: Filter | undefined, signal: AbortSignal): Promise<readonly string[]> {
    const key = JSON.stringify([name, filter]);
    const [found, now] = [this.#lists.get(key), performance.now()];
    if (found !== undefined && now - found.at < FRESH_MILLISECONDS) return found.ids;
    const scan = async (): Promise<readonly string[]> => {
      const ids: string[] = [];
      for await (const { id } of store.list(filter)) {
        ids.push(id);
        signal.throwIfAborted();
      }
      return ids;
    };
    const ids = scan();
    this.#lists.delete(key);
    this.#lists.set(key, { at: now, ids });
    ids.catch(() => this.#lists.delete(key));
    const [oldest] = this.#lists.keys();
    if (this.#lists.size > MAX_LISTS && oldest !== undefined) this.#lists.delete(oldest);
    return ids;
  }

  /** Forgets the lists, after a change. */
  clear(): void {
    this.#lists.clear();
  }
}
