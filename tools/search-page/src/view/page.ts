/**
 * The page, as a function of the state. The grid is an element of its own, which is drawn where this template puts it.
 */
import { html, nothing, type TemplateResult } from "lit-html";
import { formatMs } from "../words/format.js";
import { duplicates } from "./duplicates.js";
import { filters } from "./filters.js";
import { inspector } from "./inspector.js";
import { connectionBar, errorNote, keyForm } from "./notes.js";
import { help, searchBox, suggestions } from "./search-box.js";
import type { View } from "./view.js";

/** Milliseconds after which a search is said to take long. */
const LONG = 5000;

/** What the page has beside the state. */
export interface PageParts {
  readonly grid: HTMLElement;
  /** How many images of the result the grid can be scrolled to. */
  readonly reachable: number;
  readonly onClose: () => void;
  readonly onStep: (by: number) => void;
}

/** The whole page. */
export function page(view: View, parts: PageParts): TemplateResult {
  const { state, controller, options, say, context } = view;
  const { language, open, address, info, needsKey } = state;
  const slots = options.slots ?? {};
  return html`<div class="page ${open === undefined ? "" : "with-inspector"}">
    <header>
      <div>
        <h1>${options.title[language]}</h1>
        <p>${options.subtitle[language]}</p>
      </div>
      <button
        class="quiet language"
        lang=${language === "zh" ? "en" : "zh-CN"}
        @click=${() => controller.setLanguage(language === "zh" ? "en" : "zh")}
      >
        ${say.otherLanguage}
      </button>
    </header>
    <main>
      <search class="search">${searchBox(view)}</search>
      <div class="found">
        ${address.duplicates === undefined ? filters(view) : nothing} ${connectionBar(view)} ${suggestions(view)}
        <div class="status">${indexes(view)}<span role="status">${slots.status?.(context) ?? status(view, parts)}</span></div>
        ${slots.notice?.(context) ?? nothing} ${state.search.status === "failed" && !needsKey ? failure(view, state.search.error) : nothing}
        ${needsKey ? keyForm(view) : address.duplicates !== undefined && info !== undefined ? duplicates(view) : results(view, parts)}
      </div>
      ${open === undefined ? nothing : inspector(view, open, parts.onClose, parts.onStep)}
    </main>
    ${slots.footer === undefined ? nothing : html`<footer>${slots.footer(context)}</footer>`} ${help(view)}
    ${slots.overlay?.(context) ?? nothing}
  </div>`;
}

function indexes({ state, controller, say }: View): unknown {
  const { info } = state;
  if (info === undefined || info.indexes.length < 2) return nothing;
  return html`<select
    class="indexes"
    aria-label=${say.index}
    @change=${({ currentTarget }: Event) => controller.setIndex((currentTarget as HTMLSelectElement).value)}
  >
    ${info.indexes.map(({ name, count }) => html`<option value=${name} .selected=${name === controller.index}>${say.indexOf(name, count)}</option>`)}
  </select>`;
}

function results(view: View, { grid }: PageParts): unknown {
  const { state, controller, options, say, context } = view;
  if (state.info?.indexes.length === 0)
    return html`<section class="empty">
      <h2>${say.noIndexTitle}</h2>
      <p>${say.noIndexText}</p>
    </section>`;
  const count = countOf(view);
  const hasNone = state.info !== undefined && count === 0 && state.results?.total !== 0 ? true : state.results?.total === 0;
  if (hasNone && count === 0 && state.address.query.kind === "all" && Object.keys(state.address.filter).length === 0)
    return (
      options.slots?.empty?.(context) ??
      html`<section class="empty">
        <h2>${say.emptyTitle}</h2>
        <p>${say.emptyText}</p>
      </section>`
    );
  return html`${options.slots?.tools?.(context) ?? nothing}
  ${
    state.results?.total === 0 && state.search.status === "done"
      ? html`<section class="empty">
          <h2>${say.nothingFound}</h2>
          <p>${say.nothingFoundHint}</p>
          <p class="buttons">
            <button @click=${() => controller.clearFilter()}>${say.clearFilters}</button>
            <button @click=${() => controller.searchText("", true)}>${say.clearSearch}</button>
          </p>
        </section>`
      : nothing
  }
  ${grid}`;
}

function status(view: View, { reachable }: PageParts): unknown {
  const { state, say } = view;
  const { search, results: found, info, address } = state;
  if (state.connection.status === "away" || state.needsKey || address.duplicates !== undefined) return nothing;
  if (info?.indexes.length === 0) return nothing;
  if (info === undefined) return html`<progress aria-label=${say.connecting}></progress> ${say.connecting}`;
  if (search.status === "waiting" && performance.now() - search.since > 300)
    return html`<progress aria-label=${say.searching}></progress>
      ${performance.now() - search.since > LONG ? say.searchingLong : say.searching}`;
  if (search.status === "failed" || found === undefined) return nothing;
  const hasCondition = address.query.kind !== "all" || found.total !== countOf(view);
  const done =
    hasCondition && search.status === "done" ? say.foundIn(found.total, countOf(view), formatMs(search.ms)) : say.countOf(found.total);
  const isLong = search.status === "done" && search.truncated ? ` · ${say.truncated}` : "";
  return `${done}${isLong}${reachable < found.total && reachable > 0 ? ` · ${say.onlyFirst(reachable)}` : ""}`;
}

function failure(view: View, error: unknown): TemplateResult {
  const { controller, say } = view;
  return html`${errorNote(view, error)}
    <p class="buttons">
      <button class="main" @click=${() => controller.retry()}>${say.retry}</button>
      ${
        view.state.address.query.kind === "all"
          ? nothing
          : html`<button @click=${() => controller.searchText("", true)}>${say.clearSearch}</button>`
      }
    </p>`;
}

function countOf({ state, controller }: View): number {
  return state.info?.indexes.find(({ name }) => name === controller.index)?.count ?? 0;
}
