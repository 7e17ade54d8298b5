/**
 * The indexes of a server by name.
 */
import { checkFingerprint, type VectorStore } from "@chinese-clip/search";
import type { HandlerOptions, ServedIndex } from "../options.js";
import { ServerError } from "../server-error.js";

/** Milliseconds for which what other processes wrote may be missing. */
const REFRESH_MILLISECONDS = 1000;

/** An index with its name. */
export interface NamedIndex extends ServedIndex {
  readonly name: string;
}

/** The indexes. */
export class Indexes {
  readonly #byName: ReadonlyMap<string, NamedIndex>;
  readonly #refreshed: Map<string, { readonly at: number; readonly done: Promise<void> }> = new Map();

  /** @throws TypeError - a name that a URL would have to escape; SearchError - `fingerprint-mismatch`: embeddings of another model. */
  constructor({ stores = {}, embedder }: Pick<HandlerOptions, "stores" | "embedder">) {
    const entries = Object.entries(stores).map(([name, given]): [string, NamedIndex] => {
      if (!/^[\w.-]{1,100}$/.test(name) || /^\.+$/.test(name))
        throw new TypeError(`createHandler: expected names of stores from letters, digits, ".", "_" and "-", got "${name.slice(0, 60)}"`);
      const index = "store" in given ? given : { store: given };
      checkFingerprint(index.store.info, embedder.fingerprint);
      return [name, { ...index, name }];
    });
    this.#byName = new Map(entries);
  }

  /** All of them, in the order in which they were given. */
  list(): NamedIndex[] {
    return [...this.#byName.values()];
  }

  /**
   * An index by its name, with what other processes have written.
   *
   * @param name - may be left out where there is one index only.
   * @throws ServerError - `no-such-index`.
   */
  async open(name: string | undefined): Promise<NamedIndex> {
    const only = this.#byName.size === 1 ? this.list()[0] : undefined;
    const found = name === undefined ? only : this.#byName.get(name);
    if (found === undefined) {
      const names = [...this.#byName.keys()].join(", ") || "none";
      throw new ServerError("no-such-index", `expected an index's name, one of: ${names}`);
    }
    await this.#refresh(found.name, found.store);
    return found;
  }

  #refresh(name: string, store: VectorStore<unknown>): Promise<void> {
    const [last, now] = [this.#refreshed.get(name), performance.now()];
    if (last !== undefined && now - last.at < REFRESH_MILLISECONDS) return last.done;
    const done = store.refresh();
    this.#refreshed.set(name, { at: now, done });
    return done;
  }
}
