/**
 * What is searched for: a sentence, as it is typed, or a picture.
 */
import { html, nothing, type TemplateResult } from "lit-html";
import { formatMs, SUGGESTIONS } from "../messages.js";
import { closeIcon, pictureIcon, searchIcon } from "./icons.js";
import { pickedFiles } from "./pick.js";
import type { View } from "./view.js";

/** Milliseconds without a key after which a sentence is searched for. */
const PAUSE = 150;

let timer: ReturnType<typeof setTimeout> | undefined;

/** The search box, sentences to try, and a line on how it went. */
export function searchBox({ state, app, say }: View): TemplateResult {
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
          html`<button class="chip" lang="zh-CN" title=${meaning} ?disabled=${isFailed} @click=${(event: Event) => set(event, text)}>
            ${text} ${state.settings.language === "en" ? html`<small lang="en">${meaning}</small>` : nothing}
          </button>`,
      )}
    </p>
    <p class="status" role="status">${status(state, say)}</p>
  </search>`;
}

function status({ model, pictures, query, searchMs, backends }: View["state"], say: View["say"]): unknown {
  if (model.status === "failed") return html`<span class="problem">${say.loadFailed}：${model.message}</span>`;
  if (model.status === "loading") {
    const { progress } = model;
    return html`<progress aria-label=${say.loading} .value=${progress ?? 0} max="1"></progress>
      ${progress === undefined ? say.loading : say.loadingPercent(Math.round(100 * progress))}`;
  }
  const tower = query.kind === "picture" ? backends.image : backends.text;
  const backend = tower === undefined ? "" : ` · ${tower.device === "webgpu" ? "WebGPU" : `WebAssembly, ${say.threads(tower.threads)}`}`;
  const isLong = query.kind === "text" && query.truncated ? ` · ${say.truncated}` : "";
  const done =
    searchMs === undefined || query.kind === "none" ? say.countOf(pictures.length) : say.foundIn(pictures.length, formatMs(searchMs));
  return `${done}${backend}${isLong}`;
}
