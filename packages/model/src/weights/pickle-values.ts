/**
 * What a pickle names. A name on the reader's list is a {@link PickleGlobal}; every other name, and all that the pickle would make with it, is a
 * {@link PickleOpaque}: a placeholder that is never called.
 */
import { printable } from "../checkpoint-error.js";

/** A function, a class or a constant that the reader knows. */
export class PickleGlobal {
  /** Module and name, such as `collections.OrderedDict`. */
  readonly name: string;
  /** What a call with these arguments makes; absent where it can't be called. */
  readonly call: ((args: readonly unknown[]) => unknown) | undefined;

  constructor(name: string, call?: (args: readonly unknown[]) => unknown) {
    this.name = name;
    this.call = call;
  }
}

/** Names are shown in messages, and may be as long as the file. */
const MAX_NAME = 100;

/** Something that the reader does not know: a name that is not on its list, or what would be made with one. */
export class PickleOpaque {
  readonly #names: readonly string[];
  /** Keys and values that were put into it, where it is a kind of dict. */
  items: Map<unknown, unknown> | undefined;
  /** The attributes that it would have. */
  state: unknown;

  /** @param names - the name that it goes back to, or its parts between dots. */
  constructor(...names: readonly string[]) {
    this.#names = names;
  }

  /** The name that it goes back to, such as `argparse.Namespace`; at most 100 characters, control characters escaped. Made when a message needs it. */
  get name(): string {
    const name = this.#names.map((part) => part.slice(0, MAX_NAME + 1)).join(".");
    return printable(name.length > MAX_NAME ? `${name.slice(0, MAX_NAME - 3)}...` : name);
  }

  /** What would be made with it. */
  instance(): PickleOpaque {
    return new PickleOpaque(...this.#names);
  }
}
