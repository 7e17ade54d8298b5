/**
 * What is searched for: a sentence, as it is typed, or a picture.
 */
import { html, nothing, type TemplateResult } from "lit-html";
import { formatMs, SUGGESTIONS } from "../messages.js";
import { closeIcon, pictureIcon, searchIcon } from "./icons.js";
import { pickedFiles } from "./pick.js";
import { downloadBar } from "./download-bar.js";
import { errorNote } from "./problem-note.js";
import type { View } from "./view.js";

/** Milliseconds without a key after which a sentence is searched for. */
const PAUSE = 150;

let timer: ReturnType<typeof setTimeout> | undefined;

/** The search box, sentences to try, and a line on how it went. */
export function searchBox(view: View): TemplateResult {
  const { state, app, say } = view;
  const { query, model, choice } = state;
  const isFailed = model.status === "failed";
  const searchSoon = (input: HTMLInputElement, isNow = false): void => {
    clearTimeout(timer);
    timer = setTimeout(() => void app.search(input.value), isNow ? 0 : PAUSE);
  };
  const set = (event: Event, text: string): void => {
    const input = (event.currentTarget as HTMLElement).closest("search")?.querySelector("input");
    if (input === null || input === undefined) return;
    input.value = text;
    input.focus();
    searchSoon(input, true);
  };
  const attempt = (event: Event, text: string): void => {
    const input = (event.currentTarget as HTMLElement).closest("search")?.querySelector("input");
    clearTimeout(timer);
    if (input !== null && input !== undefined) input.value = text;
    void app.trySentence(text);
  };
  return html`<search>
    <form
      class="search-box"
      @submit=${(event: SubmitEvent) => {
        event.preventDefault();
        const input = (event.currentTarget as HTMLElement).querySelector("input");
        if (input !== null) searchSoon(input, true);
      }}
    >
      ${searchIcon}
      ${
        query.kind === "picture"
          ? html`<span class="query-picture"><img src=${query.thumbnailUrl} alt="" /><span>${say.similarTo(query.name)}</span></span>`
          : nothing
      }
      <input
        type="search"
        name="query"
        lang="zh-CN"
        autocomplete="off"
        spellcheck="false"
        enterkeyhint="search"
        aria-label=${say.search}
        placeholder=${say.searchPlaceholder}
        ?hidden=${query.kind === "picture"}
        @input=${(event: InputEvent) => {
          // The letters of an unfinished word are not what is meant.
          if (!event.isComposing) searchSoon(event.currentTarget as HTMLInputElement);
        }}
        @compositionend=${(event: CompositionEvent) => searchSoon(event.currentTarget as HTMLInputElement)}
      />
      ${
        query.kind === "none"
          ? nothing
          : html`<button
              type="button"
              class="icon-button"
              aria-label=${say.clearSearch}
              title=${say.clearSearch}
              @click=${(event: Event) => set(event, "")}
            >
              ${closeIcon}
            </button>`
      }
      <label class="icon-button" title=${say.searchByPicture}>
        ${pictureIcon}
        <input
          type="file"
          class="visually-hidden"
          name="query-picture"
          accept="image/*"
          aria-label=${say.searchByPicture}
          ?disabled=${model.status !== "ready"}
          @change=${(event: Event) => {
            const [file] = pickedFiles(event);
            if (file !== undefined) void app.searchByFile(file);
          }}
        />
      </label>
    </form>
    <p class="suggestions">
      <span>${say.try}</span>
      ${SUGGESTIONS[choice.kind === "demo" ? "demo" : "photos"].map(
        ({ text, meaning }) =>
          html`<button class="chip" lang="zh-CN" title=${meaning} ?disabled=${isFailed} @click=${(event: Event) => attempt(event, text)}>
            ${text} ${state.settings.language === "en" ? html`<small lang="en">${meaning}</small>` : nothing}
          </button>`,
      )}
    </p>
    <p class="status" role="status">${status(state, say)}</p>
    ${model.status === "failed" ? failure(view, model.error) : nothing}
  </search>`;
}

/** A first load that failed: what to do about it is a button away. */
function failure(view: View, error: unknown): TemplateResult {
  const { state, app, say } = view;
  return html`${errorNote(view, error, say.loadFailed)}
    <p class="buttons">
      <button class="main" @click=${() => void app.useModel(state.choice)}>${say.retry}</button>
      ${state.choice.kind === "demo" ? nothing : html`<button @click=${() => void app.useModel({ kind: "demo" })}>${say.useDemo}</button>`}
    </p>`;
}

function status({ model, pictures, query, searchMs, backends, imageDownload, indexing }: View["state"], say: View["say"]): unknown {
  if (model.status === "failed") return nothing;
  if (model.status === "loading") return downloadBar(model.download, say.loading, say);
  if (imageDownload !== undefined) return downloadBar(imageDownload, say.loadingImages, say);
  if (pictures.length === 0 && query.kind !== "none") return indexing === undefined ? say.nothingToSearch : say.indexing;
  const tower = query.kind === "picture" ? backends.image : backends.text;
  const backend = tower === undefined ? "" : ` · ${tower.device === "webgpu" ? "WebGPU" : `WebAssembly, ${say.threads(tower.threads)}`}`;
  const isLong = query.kind === "text" && query.truncated ? ` · ${say.truncated}` : "";
  const done =
    searchMs === undefined || query.kind === "none" ? say.countOf(pictures.length) : say.foundIn(pictures.length, formatMs(searchMs));
  return `${done}${backend}${isLong}`;
}
