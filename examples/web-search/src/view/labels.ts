/**
 * Below the details of an image: the labels that the visitor thinks of, and a button that removes the image.
 */
import { html, type TemplateResult } from "lit-html";
import { repeat } from "lit-html/directives/repeat.js";
import { live } from "lit-html/directives/live.js";
import { closeIcon, type ImageItem, plusIcon } from "@chinese-clip/search-page";
import { type Candidate, probabilities } from "../label-odds.js";
import type { View } from "./view.js";

/** Milliseconds without a key after which the image is labelled again. */
const PAUSE = 200;

let timer: ReturnType<typeof setTimeout> | undefined;

/** The content of the inspector's slot. */
export function inspectorSlot(view: View, item: ImageItem): TemplateResult {
  const { app, say, controller } = view;
  app.label(item);
  const remove = (): void => {
    controller.close();
    void app.removeImage(item.id);
  };
  return html`${labels(view)}
    <p class="buttons"><button class="quiet" @click=${remove}>${say.remove}</button></p>`;
}

function labels({ state, app, say }: View): TemplateResult {
  const { candidates, similarities, logitScale, settings } = state;
  const odds = probabilities(candidates, similarities, logitScale);
  const best = [...odds].reduce<readonly [number, number]>((found, next) => (next[1] > found[1] ? next : found), [-1, 0])[0];
  const change = (key: number, changes: Partial<Candidate>): readonly Candidate[] =>
    state.candidates.map((candidate) => (candidate.key === key ? { ...candidate, ...changes } : candidate));
  const soon = (work: () => void): void => {
    clearTimeout(timer);
    timer = setTimeout(work, PAUSE);
  };
  const row = (candidate: Candidate, index: number): TemplateResult => {
    const { key, label, weight } = candidate;
    const [probability = 0, similarity] = [odds.get(key), similarities.get(key)];
    return html`<li class=${key === best ? "best" : ""}>
      <input
        type="text"
        lang="zh-CN"
        name="label"
        aria-label=${say.label(index + 1)}
        placeholder=${say.newLabel}
        .value=${live(label)}
        @input=${(event: InputEvent) => {
          const { value } = event.currentTarget as HTMLInputElement;
          if (!event.isComposing) void app.changeCandidates(change(key, { label: value }));
        }}
        @compositionend=${(event: CompositionEvent) => {
          void app.changeCandidates(change(key, { label: (event.currentTarget as HTMLInputElement).value }));
        }}
      />
      <output>${similarity === undefined ? "" : `${(100 * probability).toFixed(1)}%`}</output>
      <button
        class="icon-button"
        aria-label=${say.removeLabel(label)}
        title=${say.removeLabel(label)}
        ?disabled=${candidates.length === 1}
        @click=${() => void app.changeCandidates(candidates.filter((other) => other.key !== key))}
      >
        ${closeIcon}
      </button>
      <span
        class="bar"
        role="meter"
        aria-label=${say.probability(label)}
        aria-valuemin="0"
        aria-valuemax="100"
        aria-valuenow=${(100 * probability).toFixed(1)}
      >
        <i style="width:${100 * probability}%"></i>
      </span>
      <div class="fine">
        <span>${say.cosine}</span>
        <span
          class="bar thin"
          role="meter"
          aria-label=${say.cosineOf(label)}
          aria-valuemin="-1"
          aria-valuemax="1"
          aria-valuenow=${(similarity ?? 0).toFixed(3)}
        >
          <i style="width:${100 * Math.max(0, similarity ?? 0)}%"></i>
        </span>
        <span class="number">${similarity?.toFixed(3) ?? ""}</span>
        <label>
          <span>${say.weight}</span>
          <input
            type="range"
            min="0"
            max="1"
            step="0.05"
            aria-label=${say.weightOf(label)}
            .value=${live(String(weight))}
            @input=${(event: InputEvent) => {
              void app.changeCandidates(change(key, { weight: Number((event.currentTarget as HTMLInputElement).value) }));
            }}
          />
          <span class="number">${weight.toFixed(2)}</span>
        </label>
      </div>
    </li>`;
  };
  return html`<section class="labels" aria-label=${say.labelTitle}>
    <h3>${say.labelTitle}</h3>
    <p class="hint">${say.labelHint}</p>
    <ol
      @focusout=${(event: FocusEvent) => {
        const list = event.currentTarget as HTMLElement;
        if (!list.contains(event.relatedTarget as Node | null)) setTimeout(() => app.sortCandidates());
      }}
    >
      ${repeat(candidates, ({ key }) => key, row)}
    </ol>
    <p class="buttons">
      <button @click=${() => void app.changeCandidates([...candidates, app.createCandidate("")])}>${plusIcon} ${say.addLabel}</button>
      <label class="template">
        <span>${say.template}</span>
        <input
          type="text"
          lang="zh-CN"
          name="template"
          title=${say.templateHint}
          .value=${settings.template}
          @input=${(event: InputEvent) => {
            const { value } = event.currentTarget as HTMLInputElement;
            if (!event.isComposing && value.includes("{}")) soon(() => void app.changeCandidates(state.candidates, value));
          }}
        />
      </label>
    </p>
  </section>`;
}
