/**
 * The page's state in one place: read anywhere, changed by `update`, shown again after each change.
 */

/** A value of several fields, and a listener to its changes. */
export class Store<State extends object> {
  #state: State;
  #isPending = false;
  readonly #show: (state: State) => void;

  /** @param show - is called once after any number of changes that are made together. */
  constructor(state: State, show: (state: State) => void) {
    this.#state = state;
    this.#show = show;
  }

  get state(): Readonly<State> {
    return this.#state;
  }

  /** Changes some fields. */
  update(changes: Partial<State>): void {
    this.#state = { ...this.#state, ...changes };
    if (this.#isPending) return;
    this.#isPending = true;
    queueMicrotask(() => {
      this.#isPending = false;
      this.#show(this.#state);
    });
  }
}
