/** What every part of the page that is not the search is made from. */
import type { Language, PageController, SlotContext } from "@chinese-clip/search-page";
import type { App } from "../app.js";
import type { AppState } from "../app-state.js";
import type { Messages } from "../messages.js";

/** The state, what can be done, and the words for both. */
export interface View {
  readonly state: AppState;
  readonly app: App;
  /** In the page's language: this page's own, and those of the search. */
  readonly say: Messages;
  readonly words: SlotContext["say"];
  readonly language: Language;
  /** The search. */
  readonly page: SlotContext["state"];
  readonly controller: PageController;
}
