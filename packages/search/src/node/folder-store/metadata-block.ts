/** Metadata of a call's items: JSON that is parsed when the first of them is asked for, since a search of a million items shows ten. */
import { SearchError } from "../../search-error.js";

/** Metadata of several items, in their order. */
export class MetadataBlock {
  readonly #count: number;
  #text: Buffer | undefined;
  #values: readonly unknown[] | undefined;

  private constructor(count: number, text: Buffer | undefined, values: readonly unknown[] | undefined) {
    [this.#count, this.#text, this.#values] = [count, text, values];
  }

  /** From values that are not shared. */
  static of(values: readonly unknown[]): MetadataBlock {
    return new MetadataBlock(values.length, undefined, values);
  }

  /** From a JSON array, whose bytes are held. */
  static parseLater(text: Buffer, count: number): MetadataBlock {
    return new MetadataBlock(count, text, undefined);
  }

  /**
   * One item's metadata.
   *
   * @throws SearchError - `damaged-index`: whoever wrote it did not write an array of so many values.
   */
  at(index: number): unknown {
    this.#values ??= this.#parse();
    return this.#values[index];
  }

  #parse(): readonly unknown[] {
    let values: unknown;
    try {
      values = JSON.parse((this.#text ?? Buffer.alloc(0)).toString());
    } catch {
      values = undefined;
    }
    if (!Array.isArray(values) || values.length !== this.#count) {
      throw new SearchError("damaged-index", `expected the metadata of ${this.#count} items in a line of the log`);
    }
    this.#text = undefined;
    return values;
  }
}
