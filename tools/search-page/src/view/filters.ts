/**
 * Conditions on the images: a form, and the ones that apply as buttons that drop them.
 */
import { html, nothing, type TemplateResult } from "lit-html";
import type { FilterName, ImageFilter } from "../backend.js";
import { formatBytes } from "../words/format.js";
import type { Messages } from "../words/messages.js";
import { closeIcon } from "./icons.js";
import type { View } from "./view.js";

/** Least pixels of the longer side, and least bytes, to choose from. */
const SIDES: readonly number[] = [640, 1280, 1920, 4000];
const SIZES: readonly number[] = [100_000, 1_000_000, 5_000_000, 20_000_000];

/** Milliseconds without a key after which a condition applies. */
const PAUSE = 300;

let timer: ReturnType<typeof setTimeout> | undefined;

/** One condition that applies. */
interface ActiveFilter {
  readonly text: string;
  readonly drop: () => void;
}

/** The conditions that apply. */
export function activeFilters({ state, controller, say }: View): readonly ActiveFilter[] {
  const { filter, minScore, query } = state.address;
  const names = Object.keys(filter) as FilterName[];
  const found = names.map((name) => ({
    text: `${say[name]} ${textOf(name, filter, say)}`,
    drop: () => controller.setFilter({ ...filter, [name]: undefined }),
  }));
  const score =
    minScore === undefined || query.kind === "all"
      ? []
      : [{ text: `${say.minScore} ${minScore.toFixed(2)}`, drop: () => controller.setMinScore(undefined) }];
  return [...found, ...score];
}

/** The form, where it is open, and the conditions that apply. */
export function filters(view: View): TemplateResult {
  const { state, say } = view;
  const active = activeFilters(view);
  return html`${state.showsFilters ? form(view) : nothing}
  ${
    active.length === 0 || state.showsFilters
      ? nothing
      : html`<ul class="conditions" aria-label=${say.filters}>
          ${active.map(
            ({ text, drop }) =>
              html`<li>
                <button class="chip" aria-label=${say.dropFilter(text)} @click=${drop}><bdi>${text}</bdi> ${closeIcon}</button>
              </li>`,
          )}
        </ul>`
  }`;
}

function form(view: View): TemplateResult {
  const { state, controller, say } = view;
  const { info, address } = state;
  const { filter, minScore, query } = address;
  const has = (name: FilterName): boolean => info?.filters.includes(name) === true;
  const set = (name: FilterName, value: ImageFilter[FilterName]): void =>
    controller.setFilter({ ...controller.state.address.filter, [name]: value });
  const soon = (name: FilterName, { currentTarget }: Event): void => {
    const { value } = currentTarget as HTMLInputElement;
    clearTimeout(timer);
    timer = setTimeout(() => set(name, value.trim() === "" ? undefined : value.trim()), PAUSE);
  };
  const text = (name: "path" | "camera", placeholder: string, list?: string): unknown =>
    has(name)
      ? html`<label class=${name}
          ><span>${say[name]}</span>
          <input
            type="text"
            name=${name}
            maxlength="500"
            autocomplete="off"
            spellcheck="false"
            list=${list ?? nothing}
            placeholder=${placeholder}
            .value=${filter[name] ?? ""}
            @input=${(event: InputEvent) => soon(name, event)}
        /></label>`
      : nothing;
  const day = (name: "takenFrom" | "takenTo"): unknown =>
    has(name)
      ? html`<label
          ><span>${say[name]}</span>
          <input
            type="date"
            name=${name}
            .value=${filter[name] ?? ""}
            @change=${({ currentTarget }: Event) => set(name, (currentTarget as HTMLInputElement).value || undefined)}
        /></label>`
      : nothing;
  const choice = (name: "minSide" | "minBytes", values: readonly number[], label: (value: number) => string): unknown =>
    has(name)
      ? html`<label
          ><span>${say[name]}</span>
          <select
            name=${name}
            @change=${({ currentTarget }: Event) => set(name, Number((currentTarget as HTMLSelectElement).value) || undefined)}
          >
            <option value="" .selected=${filter[name] === undefined}>${say.any}</option>
            ${values.map((value) => html`<option value=${value} .selected=${filter[name] === value}>${label(value)}</option>`)}
          </select></label
        >`
      : nothing;
  return html`<form id="filters" class="filters" aria-label=${say.filters} @submit=${(event: Event) => event.preventDefault()}>
    ${text("path", say.pathPlaceholder)} ${day("takenFrom")} ${day("takenTo")}
    ${text("camera", say.cameraPlaceholder, info?.cameras === undefined ? undefined : "cameras")}
    ${
      info?.cameras === undefined
        ? nothing
        : html`<datalist id="cameras">${info.cameras.map((camera) => html`<option value=${camera}></option>`)}</datalist>`
    }
    ${choice("minSide", SIDES, say.atLeastPixels)} ${choice("minBytes", SIZES, (bytes) => say.atLeastBytes(formatBytes(bytes)))}
    <label class="min-score" ?data-disabled=${query.kind === "all"}
      ><span>${say.minScore} <output>${minScore === undefined ? say.any : minScore.toFixed(2)}</output></span>
      <input
        type="range"
        name="minScore"
        min="0"
        max="1"
        step="0.01"
        ?disabled=${query.kind === "all"}
        .value=${String(minScore ?? 0)}
        @input=${({ currentTarget }: Event) => {
          const value = Number((currentTarget as HTMLInputElement).value);
          controller.setMinScore(value === 0 ? undefined : value);
        }}
    /></label>
    <button type="button" class="quiet" ?disabled=${activeFilters(view).length === 0} @click=${() => controller.clearFilter()}>
      ${say.clearFilters}
    </button>
  </form>`;
}

function textOf(name: FilterName, filter: ImageFilter, say: Messages): string {
  if (name === "minSide" && filter.minSide !== undefined) return `≥ ${filter.minSide} px`;
  if (name === "minBytes" && filter.minBytes !== undefined) return say.atLeastBytes(formatBytes(filter.minBytes));
  return String(filter[name]);
}
