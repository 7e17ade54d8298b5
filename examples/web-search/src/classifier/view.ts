/** The page of classifiers, as a function of the state. */
import { html, nothing, type TemplateResult } from "lit-html";
import { live } from "lit-html/directives/live.js";
import { repeat } from "lit-html/directives/repeat.js";
import { closeIcon, folderIcon, imageIcon, pickButton, pickedFiles, plusIcon, shownName } from "@chinese-clip/search-page";
import { explainModel } from "../explain.js";
import { MESSAGES } from "../messages.js";
import { placedFiles, placedFilesOf } from "../picked-files.js";
import { downloadBar } from "../view/download-bar.js";
import { CLASSIFIER_MESSAGES } from "./messages.js";
import type { ClassifierView } from "./classifier-view.js";
import { resultSection, trySection } from "./result-view.js";
import type { ExampleClass, Method } from "./state.js";

/** Previews of a class that are shown. */
const SHOWN = 24;

const METHODS: readonly Method[] = ["auto", "tip-adapter", "tip-adapter-f", "linear"];

/** The whole page. */
export function classifierPage(view: ClassifierView): TemplateResult {
  const { state, say, setLanguage } = view;
  const zh = state.language === "zh";
  return html`<div class="page classifier">
    <header>
      <div>
        <h1>${say.title}</h1>
        <p>${say.subtitle}</p>
      </div>
      <nav>
        <a class="button quiet" href="./">${say.toSearch}</a>
        <button class="quiet language" lang=${zh ? "en" : "zh-CN"} @click=${setLanguage}>${zh ? "English" : "中文"}</button>
      </nav>
    </header>
    <main>
      ${modelLine(view)} ${problem(view, state.problem)}
      <section class="intro">
        <p class="hint">${say.dropText}</p>
        <p class="buttons">
          ${pickButton({ name: "folder", label: say.addFolder, icon: folderIcon, isFolder: true }, (files) => view.app.addFiles(placedFiles(files)))}
          <button @click=${() => view.app.addClass()}>${plusIcon} ${say.addClass}</button>
        </p>
      </section>
      <div class="classes">
        ${repeat(
          state.classes,
          ({ key }) => key,
          (one, index) => classCard(view, one, index),
        )}
      </div>
      ${progress(view)} ${skippedFiles(view)} ${fitForm(view)} ${resultSection(view)} ${trySection(view)}
    </main>
    ${state.dropTarget === "page" ? html`<div class="drop-overlay"><p>${say.dropHere}</p></div>` : nothing}
  </div>`;
}

/** What went wrong, in the page's language, with the library's message behind it. */
export function problem({ state: { language } }: ClassifierView, error: unknown): unknown {
  if (error === undefined) return nothing;
  const own = CLASSIFIER_MESSAGES[language].errors;
  const code = typeof error === "object" && error !== null && "code" in error ? String(error.code) : "";
  const { text = "", detail = "" } = explainModel(error, language) ?? {};
  return html`<div class="problem" role="alert">
    ${Object.hasOwn(own, code) ? own[code] : text}
    <details>
      <summary>${language === "zh" ? "技术细节" : "Technical details"}</summary>
      <span lang="en">${detail}</span>
    </details>
  </div>`;
}

function modelLine(view: ClassifierView): unknown {
  const { state, app, say } = view;
  const { model, choice, language } = state;
  const words = MESSAGES[language];
  if (model.status === "loading") return html`<div class="status" role="status">${downloadBar(model.download, words.loading, words)}</div>`;
  if (model.status === "failed")
    return html`${problem(view, model.error)}
      <p class="buttons">
        <button class="main" @click=${() => void app.useModel(choice)}>${language === "zh" ? "重试" : "Try again"}</button>
        ${choice.kind === "demo" ? nothing : html`<button @click=${() => void app.useModel({ kind: "demo" })}>${words.useDemo}</button>`}
      </p>`;
  const name = choice.kind === "demo" ? say.demoModel : choice.kind === "remote" ? `${choice.source} · ${choice.dtype}` : choice.name;
  return html`<p class="hint model-line" role="status">
    ${say.model}${language === "zh" ? "：" : ": "}<bdi>${name}</bdi> <a href="./">${say.changeModel}</a>
  </p>`;
}

function classCard(view: ClassifierView, { key, label, examples }: ExampleClass, index: number): TemplateResult {
  const { state, app, say, hold } = view;
  const name = label.trim() === "" ? `${say.unnamed} ${index + 1}` : label;
  return html`<section
    class="class-card ${state.dropTarget === key ? "is-target" : ""}"
    aria-label=${name}
    @dragover=${(event: DragEvent) => {
      if (event.dataTransfer?.types.includes("Files") !== true) return;
      event.preventDefault();
      event.stopPropagation();
      hold(key);
    }}
    @drop=${(event: DragEvent) => {
      if (event.dataTransfer === null) return;
      event.preventDefault();
      event.stopPropagation();
      hold(undefined);
      void placedFilesOf(event.dataTransfer).then((files) => app.addTo(key, files));
    }}
  >
    <div class="class-head">
      <input
        type="text"
        lang="zh-CN"
        name="class-name"
        maxlength="200"
        aria-label=${say.className(index + 1)}
        placeholder=${say.classPlaceholder}
        .value=${live(label)}
        @input=${(event: InputEvent) => {
          if (!event.isComposing) app.renameClass(key, (event.currentTarget as HTMLInputElement).value);
        }}
        @compositionend=${(event: CompositionEvent) => app.renameClass(key, (event.currentTarget as HTMLInputElement).value)}
      />
      <button class="icon-button" aria-label=${say.removeClass(name)} title=${say.removeClass(name)} @click=${() => app.removeClass(key)}>
        ${closeIcon}
      </button>
    </div>
    ${
      examples.length === 0
        ? html`<p class="hint">${say.dropTitle}</p>`
        : html`<ul class="previews">
            ${repeat(
              examples.slice(0, SHOWN),
              ({ id }) => id,
              ({ id, path, url }) =>
                html`<li>
                  <button aria-label=${say.removeImage(path)} title=${say.removeImage(path)} @click=${() => app.removeExample(key, id)}>
                    <img src=${url} alt="" loading="lazy" />
                  </button>
                </li>`,
            )}
            ${examples.length > SHOWN ? html`<li class="hint">${say.more(examples.length - SHOWN)}</li>` : nothing}
          </ul>`
    }
    <div class="class-foot">
      <span class="number">${say.images(examples.length)}</span>
      ${pickButton({ name: "images", label: say.add, icon: imageIcon, isFolder: false }, (files) => app.addTo(key, placedFiles(files)))}
    </div>
  </section>`;
}

function progress({ state: { embedding }, app, say }: ClassifierView): unknown {
  if (embedding === undefined) return nothing;
  const { done, total } = embedding;
  return html`<div class="indexing">
    <label for="embedding">${say.embedding}</label>
    <progress id="embedding" .value=${done} max=${total}></progress>
    <span class="number">${done} / ${total}</span>
    <button class="icon-button" aria-label=${say.stop} title=${say.stop} @click=${() => app.stopAdding()}>${closeIcon}</button>
  </div>`;
}

function skippedFiles({ state: { skipped }, say }: ClassifierView): unknown {
  if (skipped.length === 0) return nothing;
  return html`<details class="unreadable">
    <summary>${say.skipped(skipped.length)}</summary>
    <ul>
      ${skipped.slice(0, 200).map(({ name, reason }) => html`<li><bdi>${shownName(name)}</bdi> · ${say.skipReasons[reason]}</li>`)}
    </ul>
  </details>`;
}

function fitForm(view: ClassifierView): TemplateResult {
  const { state, app, say } = view;
  const { fit, method } = state;
  const need = needOf(view);
  return html`<section class="fit">
    <p class="buttons">
      <label class="method">
        <span>${say.method}</span>
        <select name="method" @change=${({ currentTarget }: Event) => app.setMethod((currentTarget as HTMLSelectElement).value as Method)}>
          ${METHODS.map((name) => html`<option value=${name} .selected=${name === method}>${say.methods[name]}</option>`)}
        </select>
      </label>
      <button class="main" ?disabled=${need !== undefined || fit.status === "running"} @click=${() => void app.fit()}>${say.fit}</button>
      <label class="button">
        ${folderIcon} ${say.open}
        <input
          type="file"
          class="visually-hidden"
          name="classifier"
          accept=".json,application/json"
          ?disabled=${state.model.status !== "ready"}
          @change=${(event: Event) => {
            const [file] = pickedFiles(event);
            if (file !== undefined) void app.open(file);
          }}
        />
      </label>
    </p>
    ${need === undefined ? nothing : html`<p class="hint">${need}</p>`}
    ${
      fit.status !== "running"
        ? nothing
        : html`<div class="indexing" role="status">
            <label for="fitting">${say.fitting}</label>
            <progress id="fitting" .value=${fit.done} max=${fit.total}></progress>
            <button class="icon-button" aria-label=${say.stop} title=${say.stop} @click=${() => app.stopFit()}>${closeIcon}</button>
          </div>`
    }
    ${fit.status === "failed" ? problem(view, fit.error) : nothing}
  </section>`;
}

/** What is missing for a fit. */
function needOf({ state, say }: ClassifierView): string | undefined {
  const { classes, model, embedding } = state;
  const names = classes.map(({ label }) => label.trim());
  if (classes.length < 2) return say.needs.classes;
  if (new Set(names).size < names.length || names.includes("")) return say.needs.names;
  if (embedding !== undefined) return say.needs.reading;
  if (classes.some(({ examples }) => examples.length === 0)) return say.needs.images;
  return model.status === "ready" ? undefined : say.needs.model;
}
