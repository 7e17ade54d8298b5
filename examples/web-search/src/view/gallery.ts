/**
 * The pictures of the index, and how they come into it.
 */
import { html, nothing, type TemplateResult } from "lit-html";
import { repeat } from "lit-html/directives/repeat.js";
import type { Picture } from "../picture-library.js";
import { closeIcon, folderIcon, pictureIcon } from "./icons.js";
import type { View } from "./view.js";
import { pickButton } from "./pick.js";

/** What a visitor sees who has no pictures here yet. */
export function emptyIndex(view: View): TemplateResult {
  const { say } = view;
  return html`<section class="empty">
    <h2>${say.emptyTitle}</h2>
    <p>${say.emptyText}</p>
    <p class="buttons">${buttons(view, true)}</p>
    ${unreadable(view)}
  </section>`;
}

/** Ways to add pictures, and to be rid of them. */
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

/** How far the pictures are that were added. */
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

/** The pictures, best first. */
export function gallery({ state, app, say }: View): TemplateResult {
  const { matches, shown, selected } = state;
  const select = (picture: Picture): void => {
    void app.select(picture);
    // The panel is there after the next drawing of the page.
    requestAnimationFrame(() => document.querySelector<HTMLElement>(".inspector")?.focus({ preventScroll: true }));
  };
  return html`<section aria-label=${say.results}>
    <ul class="gallery">
      ${repeat(
        matches.slice(0, shown),
        ({ picture }) => picture.id,
        ({ picture, similarity }) =>
          html`<li>
            <button class="card" aria-pressed=${picture === selected} title=${picture.name} @click=${() => select(picture)}>
              <img src=${picture.thumbnailUrl} alt=${picture.name} loading="lazy" decoding="async" />
              ${
                similarity === undefined
                  ? nothing
                  : html`<span class="similarity">
                      <span class="bar"><i style="width:${100 * Math.max(0, similarity)}%"></i></span>
                      <span class="number" aria-label="${say.similarity} ${similarity.toFixed(3)}">${similarity.toFixed(3)}</span>
                    </span>`
              }
            </button>
          </li>`,
      )}
    </ul>
    ${
      matches.length > shown
        ? html`<p class="buttons"><button @click=${() => app.showMore()}>${say.showMore(Math.min(60, matches.length - shown))}</button></p>`
        : nothing
    }
  </section>`;
}

function buttons({ state, app, say }: View, isMain: boolean): unknown {
  const isDisabled = state.model.status === "failed";
  const add = (files: readonly File[]): void => void app.addFiles(files);
  return html`
    ${pickButton({ name: "pictures", label: say.addPictures, icon: pictureIcon, isFolder: false, isMain, isDisabled }, add)}
    ${pickButton({ name: "folder", label: say.addFolder, icon: folderIcon, isFolder: true, isDisabled }, add)}
    ${isMain ? html`<button ?disabled=${isDisabled} @click=${() => void app.addSamples()}>${say.samples}</button>` : nothing}
  `;
}

function unreadable({ state, say }: View): unknown {
  const list = (title: string, names: readonly string[]): unknown =>
    names.length === 0
      ? nothing
      : html`<details class="unreadable">
          <summary>${title}</summary>
          <ul>
            ${names.map((name) => html`<li>${name}</li>`)}
          </ul>
        </details>`;
  return [
    list(say.unreadable(state.unreadable.length), state.unreadable),
    list(say.skipped(state.skipped.length, typesOf(state.skipped)), state.skipped),
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
