/**
 * What the page shows as its address, so that back, forward, reload and links work.
 */
import { DUPLICATE_TIERS, type DuplicateTier, type ImageFilter, type SearchQuery } from "../backend.js";

/** The part of the page's state that a link holds. An image that was picked from the disk is no part of it: its place is `all`. */
export interface Address {
  /** Undefined for the first index. */
  readonly index: string | undefined;
  readonly query: SearchQuery;
  readonly filter: ImageFilter;
  readonly minScore: number | undefined;
  /** The tier of duplicates that is shown instead of results. */
  readonly duplicates: DuplicateTier | undefined;
  /** Id of the image whose details are open. */
  readonly open: string | undefined;
}

/** Reads the part of an address after `?`. What is malformed counts as missing. */
export function parseAddress(search: string): Address {
  const params = new URLSearchParams(search);
  const text = (name: string): string | undefined => params.get(name)?.slice(0, 4096) || undefined;
  const number = (name: string): number | undefined => {
    const value = Number(text(name) ?? Number.NaN);
    return Number.isFinite(value) ? value : undefined;
  };
  const day = (name: string): string | undefined => {
    const value = text(name);
    return value !== undefined && /^\d{4}-\d\d-\d\d$/u.test(value) ? value : undefined;
  };
  const [q, like] = [text("q"), text("like")];
  return {
    index: text("index"),
    query:
      like !== undefined
        ? { kind: "similar", id: like, name: text("name") ?? like }
        : q !== undefined
          ? { kind: "text", text: q }
          : { kind: "all" },
    filter: defined({
      path: text("path"),
      takenFrom: day("from"),
      takenTo: day("to"),
      camera: text("camera"),
      minSide: number("side"),
      minBytes: number("bytes"),
    }),
    minScore: number("min"),
    duplicates: DUPLICATE_TIERS.find((tier) => tier === text("duplicates")),
    open: text("open"),
  };
}

/** Writes an address: empty, or `?` and what follows it. */
export function formatAddress({ index, query, filter, minScore, duplicates, open }: Address): string {
  const params = new URLSearchParams();
  const set = (name: string, value: string | number | undefined): void => {
    if (value !== undefined && value !== "") params.set(name, String(value));
  };
  set("index", index);
  if (query.kind === "text") set("q", query.text);
  if (query.kind === "similar") {
    set("like", query.id);
    set("name", query.name);
  }
  set("path", filter.path);
  set("from", filter.takenFrom);
  set("to", filter.takenTo);
  set("camera", filter.camera);
  set("side", filter.minSide);
  set("bytes", filter.minBytes);
  set("min", minScore);
  set("duplicates", duplicates);
  set("open", open);
  const text = params.toString();
  return text === "" ? "" : `?${text}`;
}

/** An object without its undefined fields. */
export function defined<T extends object>(value: T): T {
  return Object.fromEntries(Object.entries(value).filter(([, field]) => field !== undefined)) as T;
}
