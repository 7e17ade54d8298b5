/**
 * One image: larger, with what is known of it, and images like it a click away.
 */
import { html, nothing, type TemplateResult } from "lit-html";
import { guard } from "lit-html/directives/guard.js";
import { until } from "lit-html/directives/until.js";
import { keyed } from "lit-html/directives/keyed.js";
import type { ImageDetails } from "../backend.js";
import { shownName } from "../shown-name.js";
import type { OpenImage } from "../state/page-state.js";
import { formatBytes, formatPlace, formatTaken, formatTime } from "../words/format.js";
import { backIcon, closeIcon, forwardIcon, searchIcon } from "./icons.js";
import { errorNote } from "./notes.js";
import type { View } from "./view.js";

/** The panel of the open image. @param onClose - the visitor closes it. @param onStep - the visitor wants the image before or after. */
export function inspector(view: View, open: OpenImage, onClose: () => void, onStep: (by: number) => void): TemplateResult {
  const { controller, say, options, context } = view;
  const { item, details, error, place } = open;
  const name = shownName(item.name);
  return html`<aside class="inspector" tabindex="-1" aria-label=${say.details}>
    <div class="inspector-head">
      <h2 title=${name}><bdi>${name}</bdi></h2>
      <button
        class="icon-button"
        aria-label=${say.previous}
        title=${say.previous}
        ?disabled=${place === undefined || place === 0}
        @click=${() => onStep(-1)}
      >
        ${backIcon}
      </button>
      <button class="icon-button" aria-label=${say.next} title=${say.next} ?disabled=${place === undefined} @click=${() => onStep(1)}>
        ${forwardIcon}
      </button>
      <button class="icon-button" aria-label=${say.close} title=${say.close} @click=${onClose}>${closeIcon}</button>
    </div>
    ${keyed(item.id, preview(view, open))}
    <p class="buttons">
      <button class="main" @click=${() => controller.searchSimilar(item)}>${searchIcon} ${say.findSimilar}</button>
      ${keyed(item.id, originalLink(view, item.id))}
    </p>
    ${error === undefined ? facts(view, details, item.score) : errorNote(view, error)}
    ${options.slots?.inspector?.(context, item) ?? nothing}
  </aside>`;
}

/** The thumbnail, and over it the image itself as soon as it is there. */
function preview({ backend, controller }: View, { item, details }: OpenImage): unknown {
  const { index } = controller;
  if (index === undefined) return nothing;
  const name = shownName(item.name);
  const ratio = details?.width !== undefined && details.height !== undefined ? details.width / details.height : undefined;
  const shape = ratio === undefined ? "" : ratio < 0.75 ? "is-tall" : ratio > 1.9 ? "is-wide" : "";
  return guard([item.id, shape, index], () => {
    const show = (address: string | undefined, kind: string): unknown =>
      address === undefined
        ? nothing
        : html`<img
            class=${kind}
            src=${address}
            alt=${kind === "thumbnail" ? name : ""}
            decoding="async"
            @load=${({ currentTarget }: Event) => (currentTarget as HTMLElement).classList.add("is-loaded")}
            @error=${({ currentTarget }: Event) => (currentTarget as HTMLElement).remove()}
          />`;
    return html`<div class="preview ${shape}">
      ${until(
        Promise.resolve(backend.thumbnail(index, item.id)).then((address) => show(address, "thumbnail")),
        nothing,
      )}
      ${until(
        Promise.resolve(backend.original(index, item.id)).then((address) => show(address, "original")),
        nothing,
      )}
    </div>`;
  });
}

function originalLink({ backend, controller, say }: View, id: string): unknown {
  const { index } = controller;
  if (index === undefined) return nothing;
  return guard([id, index, say], () =>
    until(
      Promise.resolve(backend.original(index, id)).then((address) =>
        address === undefined ? nothing : html`<a class="button" href=${address} target="_blank" rel="noopener">${say.openOriginal}</a>`,
      ),
      nothing,
    ),
  );
}

function facts({ say, state }: View, details: ImageDetails | undefined, score: number | undefined): TemplateResult {
  const { language } = state;
  const { path, bytes, width, height, takenAt, modifiedAt, camera, latitude, longitude } = details ?? {};
  const row = (label: string, value: unknown): unknown =>
    value === undefined
      ? nothing
      : html`<div>
          <dt>${label}</dt>
          <dd>${value}</dd>
        </div>`;
  const copy = (event: Event): void => {
    const button = event.currentTarget as HTMLElement;
    if (path === undefined) return;
    navigator.clipboard.writeText(path).then(
      () => button.classList.add("is-done"),
      () => {
        // No permission: the path is selected, to be copied by hand.
        const text = button.previousElementSibling;
        if (text !== null) getSelection()?.selectAllChildren(text);
      },
    );
  };
  return html`<dl class="facts" aria-busy=${details === undefined}>
    ${row(say.similarity, score?.toFixed(3))}
    ${row(
      say.path,
      path === undefined
        ? undefined
        : html`<bdi class="path">${shownName(path)}</bdi>
            <button class="copy" data-done=${say.copied} @click=${copy}>${say.copyPath}</button>`,
    )}
    ${row(say.dimensions, width === undefined || height === undefined ? undefined : say.dimensionsOf(width, height))}
    ${row(say.bytes, bytes === undefined ? undefined : formatBytes(bytes))}
    ${row(say.takenAt, takenAt === undefined ? undefined : formatTaken(takenAt, language))}
    ${row(say.camera, camera === undefined ? undefined : shownName(camera))}
    ${row(say.place, latitude === undefined || longitude === undefined ? undefined : formatPlace(latitude, longitude))}
    ${row(say.modifiedAt, modifiedAt === undefined ? undefined : formatTime(modifiedAt, language))}
  </dl>`;
}
