/**
 * A grid of any number of images in the page's own scrolling: only the cells on the screen, and a few around them, are elements. The rest is height.
 */
import type { ImageItem } from "../backend.js";
import { cellByKey, cellsBetween, type GridLayout, layOut } from "./grid-layout.js";
import { GridCell } from "./grid-cell.js";

/** What a grid shows. */
export interface GridContent {
  readonly total: number;
  /** The image of a place; undefined while it is being fetched. */
  readonly at: (place: number) => ImageItem | undefined;
  /** Changes with everything that `at` gives. */
  readonly revision: number;
  /** Changes with the result: another one is shown from its beginning. */
  readonly result: object | undefined;
  readonly hasScores: boolean;
  /** Id of the image whose details are open. */
  readonly selected: string | undefined;
  /** What a screen reader calls the grid, and a score. */
  readonly label: string;
  readonly scoreLabel: string;
}

/** What a grid asks for. */
export interface GridListeners {
  /** The images from `first` to `end` (not included) are looked at. */
  readonly want: (first: number, end: number) => void;
  readonly open: (item: ImageItem, place: number) => void;
  readonly thumbnail: (id: string) => string | Promise<string | undefined> | undefined;
  /** Pixels at the window's top that something covers. */
  readonly inset: () => number;
}

/** Pixels of the score below an image. */
const CAPTION = 24;

/** Rows above and below the screen. */
const EXTRA_ROWS = 2;

/** Milliseconds that scrolling has to rest, when it is faster than a screen a frame, until thumbnails are fetched. */
const REST = 90;

const EMPTY: GridContent = {
  total: 0,
  at: () => undefined,
  revision: 0,
  result: undefined,
  hasScores: false,
  selected: undefined,
  label: "",
  scoreLabel: "",
};

/** The grid. */
export class ImageGrid {
  readonly element: HTMLElement = document.createElement("div");
  readonly #listeners: GridListeners;
  readonly #cells: Map<number, GridCell> = new Map();
  readonly #spare: GridCell[] = [];
  readonly #ended = new AbortController();
  readonly #observer: ResizeObserver;
  #content = EMPTY;
  #layout: GridLayout = layOut(0, 0, 0);
  #width = 0;
  /** The place that the Tab key leads to. */
  #active = 0;
  #frame = 0;
  #top = 0;
  #rest: ReturnType<typeof setTimeout> | undefined;

  constructor(listeners: GridListeners) {
    this.#listeners = listeners;
    const { element } = this;
    const { signal } = this.#ended;
    element.className = "gallery";
    element.setAttribute("role", "listbox");
    element.addEventListener("click", (event) => this.#open(placeOf(event)), { signal });
    element.addEventListener("keydown", (event) => this.#press(event), { signal });
    element.addEventListener("focusin", (event) => this.#activate(placeOf(event) ?? this.#active), { signal });
    addEventListener("scroll", () => this.#drawSoon(), { signal, passive: true });
    addEventListener("resize", () => this.#drawSoon(), { signal });
    this.#observer = new ResizeObserver(() => this.#drawSoon());
    this.#observer.observe(element);
  }

  /** How many images can be scrolled to. */
  get count(): number {
    return this.#layout.count;
  }

  /** Shows other content. */
  show(content: GridContent): void {
    const isOther = content.result !== this.#content.result;
    this.#content = content;
    if (isOther) this.#active = 0;
    this.element.setAttribute("aria-label", content.label);
    this.#draw(true);
  }

  /** Scrolls so far that a place can be seen. */
  reveal(place: number): void {
    const { columns, cellHeight, gap } = this.#layout;
    const top = this.element.getBoundingClientRect().top + scrollY + Math.floor(place / columns) * (cellHeight + gap);
    const inset = this.#listeners.inset() + gap;
    if (top < scrollY + inset) scrollTo({ top: top - inset });
    else if (top + cellHeight > scrollY + innerHeight - gap) scrollTo({ top: top + cellHeight - innerHeight + gap });
  }

  /** Gives a place the focus. */
  focus(place: number = this.#active): void {
    if (this.#layout.count === 0) return;
    this.#activate(Math.min(place, this.#layout.count - 1));
    this.reveal(this.#active);
    this.#draw(true);
    this.#cells.get(this.#active)?.element.focus({ preventScroll: true });
  }

  /** Removes the grid's listeners. */
  dispose(): void {
    this.#ended.abort();
    this.#observer.disconnect();
    cancelAnimationFrame(this.#frame);
    clearTimeout(this.#rest);
  }

  #drawSoon(): void {
    if (this.#frame !== 0) return;
    this.#frame = requestAnimationFrame(() => {
      this.#frame = 0;
      this.#draw(false);
    });
  }

  #draw(isOther: boolean): void {
    const { element } = this;
    const { total, hasScores } = this.#content;
    const width = element.clientWidth;
    if (width === 0) return;
    const box = element.getBoundingClientRect();
    const isLaidOut = !isOther && width === this.#width;
    if (!isLaidOut) {
      const before = this.#layout;
      this.#layout = layOut(width, total, hasScores ? CAPTION : 0);
      this.#width = width;
      element.style.height = `${this.#layout.height}px`;
      element.classList.toggle("with-scores", hasScores);
      if (before.cell !== this.#layout.cell || before.cellHeight !== this.#layout.cellHeight) {
        element.style.setProperty("--cell", `${this.#layout.cell}px`);
        element.style.setProperty("--cell-height", `${this.#layout.cellHeight}px`);
      }
    }
    const visible = cellsBetween(this.#layout, -box.top, innerHeight - box.top, 0);
    const drawn = cellsBetween(this.#layout, -box.top, innerHeight - box.top, EXTRA_ROWS);
    if (Math.abs(box.top - this.#top) > innerHeight) this.#awaitRest();
    this.#top = box.top;
    // Until it rests, also for a drawing that a part of the result brings: it would ask for the next one that is passed.
    const isFast = this.#rest !== undefined && visible[0] !== visible[1];
    // What is only passed is not asked for.
    if (!isFast) this.#listeners.want(drawn[0], drawn[1]);
    this.#place(drawn, !isLaidOut, !isFast);
  }

  /** Begins to wait for the end of fast scrolling: some time, and then a frame without a jump, as a busy machine may have none for longer. */
  #awaitRest(): void {
    clearTimeout(this.#rest);
    const rest = setTimeout(() => {
      requestAnimationFrame(() => {
        if (this.#rest !== rest) return;
        this.#rest = undefined;
        this.#draw(false);
      });
    }, REST);
    this.#rest = rest;
  }

  /** Gives the places from `first` to `end` a cell each; the place with the focus keeps its own wherever it is. */
  #place([first, end]: readonly [number, number], isOther: boolean, hasThumbnails: boolean): void {
    // In the order of the elements: after a jump each cell is used where it stands, and no element is moved.
    for (const [place, cell] of [...this.#cells].sort(([x], [y]) => x - y)) {
      const isNeeded = (place >= first && place < end) || (place < this.#layout.count && cell.element === document.activeElement);
      if (isNeeded) continue;
      this.#cells.delete(place);
      this.#spare.push(cell);
    }
    const { at, total, selected, scoreLabel } = this.#content;
    const { columns, cell: size, cellHeight, gap } = this.#layout;
    let before: Element | undefined;
    for (const place of [...new Set([...range(first, end), ...this.#cells.keys()])].sort((a, b) => a - b)) {
      const held = this.#cells.get(place);
      const cell = held ?? this.#spare.shift() ?? new GridCell(this.#listeners.thumbnail);
      if (held === undefined) this.#cells.set(place, cell);
      // Scrolling moves no cell within the grid.
      if (held === undefined || isOther) {
        const item = at(place);
        const [x, y] = [(place % columns) * (size + gap), Math.floor(place / columns) * (cellHeight + gap)];
        const isSelected = item !== undefined && item.id === selected;
        cell.show({ place, x, y, total, item, isSelected, isActive: place === this.#active, scoreLabel });
      }
      if (hasThumbnails) cell.loadThumbnail();
      // Elements stand in the order of the images, for whoever reads them one by one; the one with the focus would lose it if it were moved.
      if (before === undefined ? this.element.firstElementChild !== cell.element : before.nextElementSibling !== cell.element) {
        if (cell.element !== document.activeElement || !cell.element.isConnected) {
          if (before === undefined) this.element.prepend(cell.element);
          else before.after(cell.element);
        }
      }
      before = cell.element;
    }
    for (const { element } of this.#spare.splice(0)) element.remove();
  }

  #activate(place: number): void {
    if (place === this.#active) return;
    this.#cells.get(this.#active)?.setActive(false);
    this.#active = place;
    this.#cells.get(place)?.setActive(true);
  }

  #open(place: number | undefined): void {
    const item = place === undefined ? undefined : this.#content.at(place);
    if (place === undefined || item === undefined) return;
    this.#activate(place);
    this.#listeners.open(item, place);
  }

  #press(event: KeyboardEvent): void {
    if (event.altKey || event.ctrlKey || event.metaKey) return;
    const place = placeOf(event);
    if (place === undefined) return;
    const { cellHeight, gap } = this.#layout;
    const next = cellByKey(event.key, place, this.#layout, Math.max(1, Math.floor(innerHeight / (cellHeight + gap)) - 1));
    if (next !== undefined) this.focus(next);
    else if (event.key === "Enter" || event.key === " ") this.#open(place);
    else return;
    event.preventDefault();
  }
}

function placeOf({ target }: Event): number | undefined {
  const cell = (target as HTMLElement).closest<HTMLElement>("[data-place]");
  return cell === null ? undefined : Number(cell.dataset["place"]);
}

function* range(first: number, end: number): Generator<number> {
  for (let i = first; i < end; i++) yield i;
}
