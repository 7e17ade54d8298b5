/**
 * How far the model's load is, and what to do where it failed.
 */
import { html, nothing } from "lit-html";
import { formatMs } from "@chinese-clip/search-page";
import { downloadBar } from "./download-bar.js";
import { errorNote } from "./problem-note.js";
import type { View } from "./view.js";

/** In place of the search's own line; undefined where that one says it. */
export function loadStatus({ state, say, words, page }: View): unknown {
  const { model, images, imageDownload, indexing, backends } = state;
  if (model.status === "failed") return nothing;
  if (model.status === "loading") return downloadBar(model.download, say.loading, say);
  if (imageDownload !== undefined) return downloadBar(imageDownload, say.loadingImages, say);
  const { query } = page.address;
  if (images.length === 0 && query.kind !== "all") return indexing === undefined ? say.nothingToSearch : say.indexing;
  const { search, results } = page;
  const tower = query.kind === "text" ? backends.text : backends.image;
  if (search.status !== "done" || query.kind === "all" || tower === undefined || results?.total !== images.length) return undefined;
  const backend = tower.device === "webgpu" ? "WebGPU" : `WebAssembly, ${say.threads(tower.threads)}`;
  return `${words.foundIn(images.length, images.length, formatMs(search.ms))} · ${backend}${search.truncated ? ` · ${words.truncated}` : ""}`;
}

/** A first load that failed: what to do about it is a button away. */
export function modelFailure(view: View): unknown {
  const { state, app, say, words } = view;
  if (state.model.status !== "failed") return nothing;
  return html`${errorNote(view, state.model.error, say.loadFailed)}
    <p class="buttons">
      <button class="main" @click=${() => void app.useModel(state.choice)}>${words.retry}</button>
      ${state.choice.kind === "demo" ? nothing : html`<button @click=${() => void app.useModel({ kind: "demo" })}>${say.useDemo}</button>`}
    </p>`;
}
