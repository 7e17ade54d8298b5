/**
 * Puts the page into an element: state, actions and view are tied together here, and what concerns the whole window.
 */
import { render } from "lit-html";
import type { SearchBackend } from "./backend.js";
import type { PageOptions } from "./page-options.js";
import { PageController } from "./state/page-controller.js";
import type { PageState } from "./state/page-state.js";
import { ImageGrid } from "./view/image-grid.js";
import { page } from "./view/page.js";
import type { View } from "./view/view.js";
import { MESSAGES } from "./words/messages.js";

/** A page that was mounted. */
export interface SearchPage {
  readonly controller: PageController;
  /** Removes the page. */
  dispose(): void;
}

/** Milliseconds between two drawings while something counts down. */
const TICK = 1000;

/** Shows the page in `root`, and starts it. */
export function mountSearchPage(root: HTMLElement, backend: SearchBackend, options: PageOptions): SearchPage {
  const ended = new AbortController();
  const grid = new ImageGrid({
    want: (first, end) => controller.state.results?.want(first, end),
    open: (item, place) => {
      controller.open(item, place);
      // The panel is there after the next drawing of the page.
      requestAnimationFrame(() => root.querySelector<HTMLElement>(".inspector")?.focus({ preventScroll: true }));
    },
    thumbnail: (id) => (controller.index === undefined ? undefined : backend.thumbnail(controller.index, id)),
    inset: () => root.querySelector(".search")?.getBoundingClientRect().height ?? 0,
  });
  let ticking: ReturnType<typeof setTimeout> | undefined;
  const controller = new PageController(backend, show);

  function show(state: PageState): void {
    const { language } = state;
    const say = { ...MESSAGES[language], ...options.words?.[language] };
    const view: View = { state, controller, backend, options, say, context: { controller, state, language, say } };
    document.documentElement.lang = language === "zh" ? "zh-CN" : "en";
    document.title = `${options.title[language]} · Chinese-CLIP`;
    const draw = (): void => {
      render(page(view, { grid: grid.element, reachable: grid.count, onClose: close, onStep: step }), root);
    };
    draw();
    const { results, revision, open } = state;
    grid.show({
      total: results?.total ?? 0,
      at: (place) => results?.at(place),
      revision,
      result: results,
      hasScores: results?.at(0)?.score !== undefined,
      selected: open?.item.id,
      label: say.results,
      scoreLabel: say.similarity,
    });
    if (grid.count < (results?.total ?? 0)) draw();
    const scroll = state.search.status === "done" ? controller.takeScroll() : undefined;
    if (scroll !== undefined) scrollTo({ top: scroll });
    clearTimeout(ticking);
    if (state.search.status === "waiting" || state.connection.status === "away")
      ticking = setTimeout(() => controller.redraw(), state.search.status === "waiting" && state.connection.status === "ok" ? 350 : TICK);
  }

  function close(): void {
    const { open } = controller.state;
    const panelHasFocus =
      document.activeElement === document.body || root.querySelector(".inspector")?.contains(document.activeElement) === true;
    controller.close();
    if (!panelHasFocus) return;
    if (open?.place !== undefined) requestAnimationFrame(() => grid.focus(open.place));
    else root.querySelector<HTMLElement>(`.duplicate[aria-pressed="true"]`)?.focus();
  }

  function step(by: number): void {
    const place = controller.step(by);
    if (place !== undefined) grid.reveal(place);
  }

  document.addEventListener("keydown", press, { signal: ended.signal });
  addEventListener("online", () => controller.retry(), { signal: ended.signal });
  void controller.start();
  return {
    controller,
    dispose: () => {
      ended.abort();
      clearTimeout(ticking);
      controller.dispose();
      grid.dispose();
      render(null, root);
    },
  };

  function press(event: KeyboardEvent): void {
    if (event.defaultPrevented || event.altKey || event.ctrlKey || event.metaKey || event.isComposing) return;
    const target = event.target as HTMLElement;
    const isText = target.matches("input:not([type=range]):not([type=file]), textarea, select, [contenteditable]");
    const isInPanel = target.closest(".inspector") !== null || target === document.body;
    if (event.key === "/" && !isText) {
      const box = root.querySelector<HTMLInputElement>("input[name=query]");
      if (box === null) return;
      if (box.hidden) controller.searchText("", true);
      requestAnimationFrame(() => box.focus());
      box.select();
    } else if (event.key === "Escape" && controller.state.open !== undefined && document.querySelector("dialog[open]") === null) close();
    else if (
      (event.key === "ArrowLeft" || event.key === "ArrowRight") &&
      controller.state.open !== undefined &&
      isInPanel &&
      !target.matches("input")
    )
      step(event.key === "ArrowLeft" ? -1 : 1);
    else return;
    event.preventDefault();
  }
}
