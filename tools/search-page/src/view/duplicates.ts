/**
 * Images that are there more than once, one tier at a time: each group side by side, the one to keep first.
 */
import { html, nothing, type TemplateResult } from "lit-html";
import { repeat } from "lit-html/directives/repeat.js";
import { until } from "lit-html/directives/until.js";
import { guard } from "lit-html/directives/guard.js";
import type { DuplicateGroup, DuplicateTier, ImageDetails } from "../backend.js";
import { shownName } from "../shown-name.js";
import { formatBytes } from "../words/format.js";
import { backIcon } from "./icons.js";
import { errorNote } from "./notes.js";
import type { View } from "./view.js";

/** The groups of the tier that the address names. */
export function duplicates(view: View): TemplateResult {
  const { state, controller, say } = view;
  const { info, address, duplicates: found } = state;
  const tier = address.duplicates ?? "bytes";
  return html`<section class="duplicates" aria-label=${say.duplicates}>
    <div class="tiers">
      <button class="quiet" @click=${() => controller.showDuplicates(undefined)}>${backIcon} ${say.backToResults}</button>
      <div role="group" aria-label=${say.duplicates}>
        ${info?.duplicates.map(
          (name) =>
            html`<button class="chip" aria-pressed=${name === tier} @click=${() => controller.showDuplicates(name)}>
              ${say.tiers[name]}
            </button>`,
        )}
      </div>
    </div>
    <p class="hint" role="status">
      ${say.tierHints[tier]}
      ${found.status === "waiting" ? html`<progress aria-label=${say.comparing}></progress> ${say.comparing}` : say.groupsOf(found.total)}
    </p>
    ${
      found.status === "failed"
        ? html`${errorNote(view, found.error)}
            <p class="buttons"><button @click=${() => controller.retry()}>${say.retry}</button></p>`
        : nothing
    }
    ${found.status === "done" && found.total === 0 ? html`<div class="empty"><h2>${say.noDuplicates[tier]}</h2></div>` : nothing}
    <ul class="groups">
      ${repeat(
        found.groups,
        ({ keep }) => keep.id,
        (group) => row(view, group, tier),
      )}
    </ul>
    ${
      found.groups.length < found.total && found.status !== "failed"
        ? html`<p class="buttons">
            <button ?disabled=${found.status === "waiting"} @click=${() => controller.moreDuplicates()}>${say.moreGroups}</button>
          </p>`
        : nothing
    }
  </section>`;
}

function row(view: View, { keep, reason, others }: DuplicateGroup, tier: DuplicateTier): TemplateResult {
  const { say } = view;
  return html`<li>
    ${image(view, keep, html`<b class="keep">${say.keep} · ${say.keepReasons[reason]}</b>`)}
    ${others.map((other) => image(view, other, tier === "bytes" || other.score === undefined ? nothing : html`<span class="number">${say.similarity} ${other.score.toFixed(3)}</span>`))}
  </li>`;
}

function image(view: View, details: ImageDetails, note: unknown): TemplateResult {
  const { state, controller, say, backend } = view;
  const { id, path, width, height, bytes } = details;
  const name = shownName(details.name);
  const { index } = controller;
  return html`<button
    class="duplicate"
    title=${shownName(path ?? details.name)}
    aria-pressed=${state.open?.item.id === id}
    data-id=${id}
    @click=${() => controller.open(details, undefined)}
  >
    ${guard([id, index], () =>
      until(
        Promise.resolve(index === undefined ? undefined : backend.thumbnail(index, id)).then((address) =>
          address === undefined
            ? html`<span class="no-image"></span>`
            : html`<img src=${address} alt="" loading="lazy" decoding="async" />`,
        ),
        html`<span class="no-image"></span>`,
      ),
    )}
    <span class="duplicate-name"><bdi>${name}</bdi></span>
    <small>
      ${width === undefined || height === undefined ? nothing : say.dimensionsOf(width, height)}
      ${bytes === undefined ? nothing : html` · ${formatBytes(bytes)}`}
    </small>
    ${note}
  </button>`;
}
