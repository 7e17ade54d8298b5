/**
 * One cell of the grid. It is used again for another image when the one it has is scrolled away.
 */
import type { ImageItem } from "../backend.js";
import { shownName } from "../shown-name.js";

/** What a cell shows, and where. */
export interface CellContent {
  readonly place: number;
  /** Pixels from the grid's corner. */
  readonly x: number;
  readonly y: number;
  readonly total: number;
  /** Undefined while it is being fetched. */
  readonly item: ImageItem | undefined;
  readonly isSelected: boolean;
  readonly isActive: boolean;
  readonly scoreLabel: string;
}

/** A cell and its element. */
export class GridCell {
  readonly element: HTMLElement = document.createElement("div");
  readonly #thumbnail: (id: string) => string | Promise<string | undefined> | undefined;
  readonly #image = document.createElement("img");
  readonly #name = document.createElement("span");
  readonly #score = document.createElement("span");
  readonly #bar = document.createElement("i");
  readonly #number = document.createElement("span");
  #id: string | undefined;
  #hasThumbnail = false;

  constructor(thumbnail: (id: string) => string | Promise<string | undefined> | undefined) {
    this.#thumbnail = thumbnail;
    const { element } = this;
    element.className = "card";
    element.setAttribute("role", "option");
    this.#image.decoding = "async";
    this.#image.draggable = false;
    this.#image.addEventListener("load", () => element.classList.add("is-loaded"));
    this.#image.addEventListener("error", () => element.classList.add("is-missing"));
    this.#name.className = "card-name";
    this.#name.dir = "auto";
    this.#name.setAttribute("aria-hidden", "true");
    this.#score.className = "similarity";
    this.#number.className = "number";
    const bar = document.createElement("span");
    bar.className = "bar";
    bar.append(this.#bar);
    this.#score.append(bar, this.#number);
    element.append(this.#image, this.#name, this.#score);
  }

  /** Shows an image at a place. */
  show({ place, x, y, total, item, isSelected, isActive, scoreLabel }: CellContent): void {
    const { element } = this;
    element.style.transform = `translate(${x}px, ${y}px)`;
    element.dataset["place"] = String(place);
    element.setAttribute("aria-posinset", String(place + 1));
    element.setAttribute("aria-setsize", String(total));
    element.setAttribute("aria-selected", String(isSelected));
    element.classList.toggle("is-best", place === 0 && item?.score !== undefined);
    this.setActive(isActive);
    const hasScore = item?.score !== undefined;
    if (this.#score.hidden === hasScore) this.#score.hidden = !hasScore; // setting it, even to the same, has its style resolved
    if (hasScore) {
      const text = item.score.toFixed(3);
      this.#number.textContent = text;
      this.#number.setAttribute("aria-label", `${scoreLabel} ${text}`);
      this.#bar.style.width = `${100 * Math.min(1, Math.max(0, item.score))}%`;
    }
    if (item?.id === this.#id) return;
    this.#id = item?.id;
    this.#hasThumbnail = false;
    const name = item === undefined ? "" : shownName(item.name);
    element.classList.remove("is-loaded", "is-missing");
    element.title = name;
    this.#image.removeAttribute("src");
    this.#image.alt = name;
    this.#name.textContent = name;
  }

  /** Fetches the image's thumbnail, unless that is done. */
  loadThumbnail(): void {
    const id = this.#id;
    if (id === undefined || this.#hasThumbnail) return;
    this.#hasThumbnail = true;
    const address = this.#thumbnail(id);
    if (typeof address === "string") this.#image.src = address;
    else if (address === undefined) this.element.classList.add("is-missing");
    else {
      const set = (found: string | undefined): void => {
        if (this.#id !== id) return;
        if (found === undefined) this.element.classList.add("is-missing");
        else this.#image.src = found;
      };
      address.then(set, () => set(undefined));
    }
  }

  /** Whether the Tab key leads to the cell. */
  setActive(isActive: boolean): void {
    this.element.tabIndex = isActive ? 0 : -1;
  }
}
