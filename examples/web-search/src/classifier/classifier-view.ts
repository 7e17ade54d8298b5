/** What the parts of the classifier's page are made from. */
import type { ClassifierApp } from "./app.js";
import type { ClassifierMessages } from "./messages.js";
import type { ClassifierState } from "./state.js";

/** What every part is made from. */
export interface ClassifierView {
  readonly state: ClassifierState;
  readonly app: ClassifierApp;
  readonly say: ClassifierMessages;
  /** Shows files that are held over a part of the page. */
  readonly hold: (target: ClassifierState["dropTarget"]) => void;
  readonly setLanguage: () => void;
}
