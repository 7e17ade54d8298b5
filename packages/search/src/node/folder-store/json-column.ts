/**
 * One column of a call's items, such as their metadata: a JSON array that is parsed when the first of its values is asked for, since an index of a million
 * items opens without any of their ids, and a search shows ten.
 */
import { SearchError } from "../../search-error.js";

/** Values of several items, in their order. */
export class JsonColumn<Value> {
  readonly #count: number;
  readonly #isValue: (value: unknown) => boolean;
  #text: Buffer | undefined;
  #values: readonly Value[] | undefined;

  private constructor(count: number, isValue: (value: unknown) => boolean, text?: Buffer, values?: readonly Value[]) {
    [this.#count, this.#isValue, this.#text, this.#values] = [count, isValue, text, values];
  }

  /** From values that are not shared. */
  static of<Value>(values: readonly Value[]): JsonColumn<Value> {
    return new JsonColumn(values.length, () => true, undefined, values);
  }

  /** Metadata of items, from a JSON array, whose bytes are held. */
  static metadata(text: Buffer, count: number): JsonColumn<unknown> {
    return new JsonColumn(count, () => true, text);
  }

  /** Ids of items, from a JSON array, whose bytes are held. */
  static ids(text: Buffer, count: number): JsonColumn<string> {
    return new JsonColumn(count, (value) => typeof value === "string", text);
  }

  /**
   * All values; not a copy.
   *
   * @throws SearchError - `damaged-index`: whoever wrote it did not write an array of so many such values.
   */
  get values(): readonly Value[] {
    return (this.#values ??= this.#parse());
  }

  #parse(): readonly Value[] {
    let values: unknown;
    try {
      values = JSON.parse((this.#text ?? Buffer.alloc(0)).toString());
    } catch {
      values = undefined;
    }
    if (!Array.isArray(values) || values.length !== this.#count || !values.every(this.#isValue)) {
      throw new SearchError("damaged-index", `expected the ids and the metadata of ${this.#count} items in a line of the log`);
    }
    this.#text = undefined;
    return values as readonly Value[];
  }
}
