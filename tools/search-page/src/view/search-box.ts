/**
 * What is searched for: a sentence, as it is typed, or an image.
 */
import { html, nothing, type TemplateResult } from "lit-html";
import { live } from "lit-html/directives/live.js";
import { shownName } from "../shown-name.js";
import { closeIcon, copiesIcon, filterIcon, helpIcon, imageIcon, searchIcon } from "./icons.js";
import { activeFilters } from "./filters.js";
import { pickedFiles } from "./pick.js";
import type { View } from "./view.js";

/** Milliseconds without a key after which a sentence is searched for. */
const PAUSE = 100;

let timer: ReturnType<typeof setTimeout> | undefined;

/** The search box with its buttons, and sentences to try. */
export function searchBox(view: View): TemplateResult {
  const { state, controller, say } = view;
  const { query } = state.address;
  const text = query.kind === "text" ? query.text : "";
  const search = (input: HTMLInputElement, isFinal: boolean): void => {
    clearTimeout(timer);
    const run = (): void => controller.searchText(input.value, isFinal);
    if (isFinal) run();
    else timer = setTimeout(run, PAUSE);
  };
  const clear = (event: Event): void => {
    const input = (event.currentTarget as HTMLElement).closest("form")?.querySelector("input");
    clearTimeout(timer);
    controller.searchText("", true);
    if (input === null || input === undefined) return;
    input.value = "";
    // It is shown again after the next drawing, where an image stood in its place.
    requestAnimationFrame(() => input.focus());
  };
  return html`<form
    class="search-box"
    @submit=${(event: SubmitEvent) => {
      event.preventDefault();
      const input = (event.currentTarget as HTMLElement).querySelector("input");
      if (input !== null && !input.hidden) search(input, true);
    }}
  >
    ${searchIcon} ${queryImage(view)}
    <input
      type="search"
      name="query"
      lang="zh-CN"
      autocomplete="off"
      autocapitalize="off"
      spellcheck="false"
      enterkeyhint="search"
      maxlength="1000"
      aria-label=${say.search}
      aria-keyshortcuts="/"
      placeholder=${say.searchPlaceholder}
      ?hidden=${query.kind === "similar" || query.kind === "image"}
      .value=${isTyping() ? nothingTyped() : live(text)}
      @input=${(event: InputEvent) => {
        // The letters of an unfinished word are not what is meant.
        if (!event.isComposing) search(event.currentTarget as HTMLInputElement, false);
      }}
      @compositionend=${(event: CompositionEvent) => search(event.currentTarget as HTMLInputElement, false)}
      @keydown=${(event: KeyboardEvent) => {
        if (event.key === "Escape" && (event.currentTarget as HTMLInputElement).value !== "") {
          event.preventDefault();
          clear(event);
        }
      }}
    />
    ${
      query.kind === "all"
        ? nothing
        : html`<button type="button" class="icon-button" aria-label=${say.clearSearch} title=${say.clearSearch} @click=${clear}>
            ${closeIcon}
          </button>`
    }
    ${
      state.info?.searchesByImage === true
        ? html`<label class="icon-button" title=${say.searchByImage}>
            ${imageIcon}
            <input
              type="file"
              class="visually-hidden"
              name="query-image"
              accept="image/*"
              aria-label=${say.searchByImage}
              @change=${(event: Event) => {
                const [file] = pickedFiles(event);
                if (file !== undefined) controller.searchImage(file, file.name);
              }}
            />
          </label>`
        : nothing
    }
    ${buttons(view)}
  </form>`;

  /** Whether what is in the box is newer than the address. */
  function isTyping(): boolean {
    return document.activeElement instanceof HTMLInputElement && document.activeElement.name === "query";
  }
  function nothingTyped(): unknown {
    return live((document.activeElement as HTMLInputElement).value);
  }
}

/** Sentences to try, and how to write others. */
export function suggestions({ options, controller, say, state }: View): unknown {
  const sentences = options.suggestions?.() ?? [];
  if (state.address.query.kind !== "all" || sentences.length === 0 || state.address.duplicates !== undefined) return nothing;
  return html`<p class="suggestions">
    <span>${say.try}</span>
    ${sentences.map(
      ({ text, meaning }) =>
        html`<button
          class="chip"
          lang="zh-CN"
          title=${meaning}
          @click=${() => {
            if (options.onSuggestion === undefined) controller.searchText(text, true);
            else options.onSuggestion(text, controller);
          }}
        >
          ${text} ${state.language === "en" ? html`<small lang="en">${meaning}</small>` : nothing}
        </button>`,
    )}
  </p>`;
}

/** How to search, and the keys. */
export function help({ say }: View): TemplateResult {
  return html`<dialog class="help" aria-label=${say.help} @click=${closeOutside}>
    <form method="dialog" class="help-head">
      <h2>${say.help}</h2>
      <button class="icon-button" aria-label=${say.close}>${closeIcon}</button>
    </form>
    <dl>
      ${say.helpLines.map(
        ([text, meaning]) =>
          html`<dt lang="zh-CN"><code>${text}</code></dt>
            <dd>${meaning}</dd>`,
      )}
    </dl>
    <dl>
      ${say.keyLines.map(
        ([key, meaning]) =>
          html`<dt><kbd>${key}</kbd></dt>
            <dd>${meaning}</dd>`,
      )}
    </dl>
  </dialog>`;
}

function buttons(view: View): TemplateResult {
  const { state, controller, say } = view;
  const { info, address, showsFilters } = state;
  const conditions = activeFilters(view).length;
  return html`${
      (info?.filters.length ?? 0) === 0 || address.duplicates !== undefined
        ? nothing
        : html`<button
            type="button"
            class="icon-button with-count"
            aria-label=${conditions === 0 ? say.filters : `${say.filters}: ${conditions}`}
            title=${say.filters}
            aria-expanded=${showsFilters}
            aria-controls="filters"
            @click=${() => controller.toggleFilters()}
          >
            ${filterIcon} ${conditions === 0 ? nothing : html`<b>${conditions}</b>`}
          </button>`
    }
    ${
      (info?.duplicates.length ?? 0) === 0
        ? nothing
        : html`<button
            type="button"
            class="icon-button"
            aria-label=${say.duplicates}
            title=${say.duplicates}
            aria-pressed=${address.duplicates !== undefined}
            @click=${() => controller.showDuplicates(address.duplicates === undefined ? info?.duplicates[0] : undefined)}
          >
            ${copiesIcon}
          </button>`
    }
    <button
      type="button"
      class="icon-button"
      aria-label=${say.help}
      title=${say.help}
      @click=${(event: Event) => (event.currentTarget as HTMLElement).closest(".page")?.querySelector<HTMLDialogElement>("dialog.help")?.showModal()}
    >
      ${helpIcon}
    </button>`;
}

function queryImage({ state, backend, controller, say }: View): unknown {
  const { query } = state.address;
  if (query.kind !== "similar" && query.kind !== "image") return nothing;
  const { index } = controller;
  const thumbnail = query.kind === "image" ? state.queryImageUrl : index === undefined ? undefined : backend.thumbnail(index, query.id);
  // One that has to wait for its address is not worth waiting for: the name stands beside it.
  const address = typeof thumbnail === "string" ? thumbnail : undefined;
  return html`<span class="query-image">
    ${address === undefined ? nothing : html`<img src=${address} alt="" />`}
    <span>${say.similarTo(shownName(query.name))}</span>
  </span>`;
}

function closeOutside(event: MouseEvent): void {
  if (event.target === event.currentTarget) (event.currentTarget as HTMLDialogElement).close();
}
