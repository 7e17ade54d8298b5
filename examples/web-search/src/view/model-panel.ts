/**
 * Which model it is, what it runs on, how long things took; and another model instead.
 */
import type { BackendReport } from "@chinese-clip/web";
import { html, nothing, type TemplateResult } from "lit-html";
import { folderIcon, formatMs, pickButton } from "@chinese-clip/search-page";
import { type Dtype, DTYPES } from "../model-choice.js";
import type { View } from "./view.js";
import { downloadBar } from "./download-bar.js";
import { errorNote } from "./problem-note.js";

/** The panel at the end of the page. */
export function modelPanel(view: View): TemplateResult {
  const { state, app, say } = view;
  const { choice, model, backends, imageMs, settings } = state;
  const { search, address } = view.page;
  const searchMs = search.status === "done" && address.query.kind !== "all" ? search.ms : undefined;
  const name = choice.kind === "demo" ? say.demoModel : choice.kind === "remote" ? choice.source : choice.name;
  const dtypeOf = (target: EventTarget | null): Dtype => {
    const chosen = (target as HTMLElement).closest("section")?.querySelector("select")?.value;
    return DTYPES.find((dtype) => dtype === chosen) ?? "fp32";
  };
  return html`<section class="model" aria-label=${say.modelTitle}>
    <h2>${say.modelTitle}</h2>
    <dl>
      <div>
        <dt>${say.model}</dt>
        <dd>${name}${choice.kind === "demo" ? "" : ` · ${choice.dtype}`}</dd>
      </div>
      <div>
        <dt>${say.textTower}</dt>
        <dd>${backend(backends.text, say)}</dd>
      </div>
      <div>
        <dt>${say.imageTower}</dt>
        <dd>${backend(backends.image, say)}</dd>
      </div>
      <div>
        <dt>${say.loadTime}</dt>
        <dd>${model.status === "ready" ? formatMs(model.loadMs) : "–"}</dd>
      </div>
      <div>
        <dt>${say.searchTime}</dt>
        <dd>${searchMs === undefined ? "–" : formatMs(searchMs)}</dd>
      </div>
      <div>
        <dt>${say.imageTime}</dt>
        <dd>${imageMs === undefined ? "–" : formatMs(imageMs)}</dd>
      </div>
    </dl>
    <p class="hint">${choice.kind === "demo" ? say.demoNote : say.indexPerModel} ${crossOriginIsolated ? nothing : say.oneThreadWhy}</p>
    <form
      @submit=${(event: SubmitEvent) => {
        event.preventDefault();
        const source = new FormData(event.currentTarget as HTMLFormElement).get("source");
        if (typeof source === "string" && source.trim() !== "")
          void app.useModel({ kind: "remote", source: source.trim(), dtype: dtypeOf(event.currentTarget) });
      }}
    >
      <label class="source">
        <span>${say.remoteLabel}</span>
        <input
          type="text"
          name="source"
          required
          autocomplete="off"
          spellcheck="false"
          placeholder="OFA-Sys/chinese-clip-vit-base-patch16"
          value=${settings.remote?.source ?? ""}
        />
      </label>
      <label class="dtype">
        <span>${say.dtype}</span>
        <select name="dtype">
          ${DTYPES.map((dtype) => html`<option .selected=${dtype === (settings.remote?.dtype ?? "fp32")}>${dtype}</option>`)}
        </select>
      </label>
      <button>${say.load}</button>
    </form>
    ${change(view)}
    <p class="buttons">
      ${pickButton({ name: "model", label: say.pickModel, icon: folderIcon, isFolder: true }, (files) => {
        const [first] = files;
        const folder = first?.webkitRelativePath.split("/")[0] ?? "";
        const dtype = dtypeOf(document.querySelector(".model select"));
        void app.useModel({ kind: "picked", files, name: folder === "" ? (first?.name ?? "") : folder, dtype });
      })}
      ${choice.kind === "demo" ? nothing : html`<button @click=${() => void app.useModel({ kind: "demo" })}>${say.useDemo}</button>`}
    </p>
    <p class="hint">${say.privacy}</p>
  </section>`;
}

/** The load of another model: below the button that began it. */
function change(view: View): unknown {
  const { state, say } = view;
  if (state.change === undefined) return nothing;
  if (state.change.status === "loading") return html`<p class="status">${downloadBar(state.change.download, say.loading, say)}</p>`;
  return errorNote(view, state.change.error, say.loadFailedStays);
}

function backend(report: BackendReport | undefined, say: View["say"]): unknown {
  if (report === undefined) return say.notYet;
  const { device, threads, reason, reasonCode } = report;
  const name = device === "webgpu" ? "WebGPU" : `WebAssembly, ${say.threads(threads)}`;
  return html`${name}${reason === undefined ? nothing : html`<small title=${reason}>${say.notWebGpu}${reasonCode === undefined ? reason : say.fallbacks[reasonCode]}</small>`}`;
}
