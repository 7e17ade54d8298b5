/** What every part of the page is made from. */
import type { App } from "../app.js";
import type { AppState } from "../app-state.js";
import type { Messages } from "../messages.js";

/** The state, what can be done, and the words for both. */
export interface View {
  readonly state: AppState;
  readonly app: App;
  /** In the page's language. */
  readonly say: Messages;
}
