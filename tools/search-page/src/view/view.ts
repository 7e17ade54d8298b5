/** What every part of the page is made from. */
import type { SearchBackend } from "../backend.js";
import type { PageOptions, SlotContext } from "../page-options.js";
import type { PageController } from "../state/page-controller.js";
import type { PageState } from "../state/page-state.js";
import type { Messages } from "../words/messages.js";

/** The state, what can be done, and the words for both. */
export interface View {
  readonly state: PageState;
  readonly controller: PageController;
  readonly backend: SearchBackend;
  readonly options: PageOptions;
  /** In the page's language. */
  readonly say: Messages;
  /** For slots. */
  readonly context: SlotContext;
}
