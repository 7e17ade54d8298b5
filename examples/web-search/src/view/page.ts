/**
 * The page, as a function of the state.
 */
import { html, nothing, type TemplateResult } from "lit-html";
import type { App } from "../app.js";
import type { AppState } from "../app-state.js";
import { MESSAGES } from "../messages.js";
import { addButtons, emptyIndex, gallery, indexingBar } from "./gallery.js";
import { inspector } from "./inspector.js";
import { modelPanel } from "./model-panel.js";
import { problemNote } from "./problem-note.js";
import { searchBox } from "./search-box.js";
import type { View } from "./view.js";

/** The whole page. */
export function page(state: AppState, app: App): TemplateResult {
  const { settings, selected, pictures, indexing, problem, isDragging } = state;
  const view: View = { state, app, say: MESSAGES[settings.language] };
  const { say } = view;
  const isEmpty = pictures.length === 0 && indexing === undefined;
  return html`
    <header>
      <div>
        <h1>${say.title}</h1>
        <p>${say.subtitle}</p>
      </div>
      <button
        class="quiet language"
        lang=${settings.language === "zh" ? "en" : "zh-CN"}
        @click=${() => app.changeSettings({ ...settings, language: settings.language === "zh" ? "en" : "zh" })}
      >
        ${say.otherLanguage}
      </button>
    </header>
    <main class=${selected === undefined ? "" : "with-inspector"}>
      <div class="found">
        ${searchBox(view)} ${problem === undefined ? nothing : problemNote(view, problem)}
        ${isEmpty ? emptyIndex(view) : html`${addButtons(view)} ${indexingBar(view)} ${gallery(view)}`}
      </div>
      ${selected === undefined ? nothing : inspector(view, selected)}
    </main>
    <footer>${modelPanel(view)}</footer>
    ${isDragging ? html`<div class="drop-overlay"><p>${say.dropHere}</p></div>` : nothing}
  `;
}
