/**
 * What a page has beside the search itself: its words, and what stands in its slots.
 */
import type { ImageItem } from "./backend.js";
import type { PageController } from "./state/page-controller.js";
import type { PageState } from "./state/page-state.js";
import type { Explanation } from "./words/explain.js";
import type { Language } from "./words/language.js";
import type { Messages } from "./words/messages.js";

/** What a slot is made from. */
export interface SlotContext {
  readonly controller: PageController;
  readonly state: PageState;
  readonly language: Language;
  /** The page's own words in that language. */
  readonly say: Messages;
}

/** Content of one place, as lit-html renders it. */
export type Slot = (context: SlotContext) => unknown;

/** Places for a page's own content. */
export interface PageSlots {
  /** Instead of the line that says how the search went; undefined leaves that line. */
  readonly status?: Slot;
  /** Below the search box. */
  readonly notice?: Slot;
  /** Above the images. */
  readonly tools?: Slot;
  /** Instead of the images, while the index has none. */
  readonly empty?: Slot;
  /** Below the details of an image. */
  readonly inspector?: (context: SlotContext, item: ImageItem) => unknown;
  readonly footer?: Slot;
  /** Over the whole page. */
  readonly overlay?: Slot;
}

/** A sentence to try. */
export interface Suggestion {
  readonly text: string;
  /** In English. */
  readonly meaning: string;
}

/** Options of {@link mountSearchPage}. */
export interface PageOptions {
  /** The page's title and what stands below it, by language. */
  readonly title: Readonly<Record<Language, string>>;
  readonly subtitle: Readonly<Record<Language, string>>;
  /** Other words than the page's own. */
  readonly words?: Readonly<Record<Language, Partial<Messages>>>;
  readonly slots?: PageSlots;
  /** Sentences to try. */
  readonly suggestions?: () => readonly Suggestion[];
  /** What happens when one is tried; by default it is searched for. */
  readonly onSuggestion?: (text: string, controller: PageController) => void;
  /** Explains errors that are not the backend's. */
  readonly explain?: (error: unknown, language: Language) => Explanation | undefined;
}
