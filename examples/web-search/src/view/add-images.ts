/**
 * How images come into the index.
 */
import { html, nothing, type TemplateResult } from "lit-html";
import { closeIcon, folderIcon, imageIcon, pickButton, shownName } from "@chinese-clip/search-page";
import type { UnreadableReason } from "../app-state.js";
import type { View } from "./view.js";

/** The invitation to add images, shown while there are none. */
export function emptyIndex(view: View): TemplateResult {
  const { say } = view;
  return html`<section class="empty">
    <h2>${say.emptyTitle}</h2>
    <p>${say.emptyText}</p>
    <p class="buttons">${buttons(view, true)}</p>
    ${indexingBar(view)}
  </section>`;
}

/** Ways to add images, and to be rid of them. */
export function addButtons(view: View): TemplateResult {
  const { app, say } = view;
  return html`<p class="buttons">
    ${buttons(view, false)}
    <button
      class="quiet"
      @click=${() => {
        if (confirm(say.confirmClear)) void app.removeAll();
      }}
    >
      ${say.clear}
    </button>
  </p>`;
}

/** How far the images are that were added. */
export function indexingBar(view: View): unknown {
  const { state, app, say } = view;
  const { indexing } = state;
  if (indexing === undefined) return unreadable(view);
  const { done, total } = indexing;
  return html`<div class="indexing">
    <label for="indexing">${say.indexing}</label>
    <progress id="indexing" .value=${done} max=${total}></progress>
    <span>${say.indexingOf(done, total)}</span>
    <button class="icon-button" aria-label=${say.stop} title=${say.stop} @click=${() => app.stopIndexing()}>${closeIcon}</button>
  </div>`;
}

function buttons({ state, app, say }: View, isMain: boolean): unknown {
  const isDisabled = state.model.status === "failed";
  const add = (files: readonly File[]): void => void app.addFiles(files);
  return html`
    ${pickButton({ name: "images", label: say.addImages, icon: imageIcon, isFolder: false, isMain, isDisabled }, add)}
    ${pickButton({ name: "folder", label: say.addFolder, icon: folderIcon, isFolder: true, isDisabled }, add)}
    ${isMain ? html`<button ?disabled=${isDisabled} @click=${() => void app.addSamples()}>${say.samples}</button>` : nothing}
    <a class="button quiet" href="classifier.html">${say.toClassifier}</a>
  `;
}

function unreadable({ state, say }: View): unknown {
  const list = (title: string, files: readonly { readonly name: string; readonly reason?: UnreadableReason }[]): unknown =>
    files.length === 0
      ? nothing
      : html`<details class="unreadable">
          <summary>${title}</summary>
          <ul>
            ${files.map(({ name, reason }) => html`<li><bdi>${shownName(name)}</bdi>${reason === undefined ? nothing : html` · ${say.unreadableReasons[reason]}`}</li>`)}
          </ul>
        </details>`;
  return [
    list(say.unreadable(state.unreadable.length), state.unreadable),
    list(
      say.skipped(state.skipped.length, typesOf(state.skipped)),
      state.skipped.map((name) => ({ name })),
    ),
  ];
}

/** How many files there are of each type: `HEIC 2, TXT 1`. */
function typesOf(names: readonly string[]): string {
  const counts = new Map<string, number>();
  for (const name of names) {
    const type = /\.([^.]+)$/u.exec(name)?.[1]?.toUpperCase() ?? "?";
    counts.set(type, (counts.get(type) ?? 0) + 1);
  }
  return [...counts].map(([type, count]) => `${type} ${count}`).join(", ");
}
