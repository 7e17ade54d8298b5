/**
 * The server's items as the page's images. Their metadata are whatever the index has: each field is taken only where it is what it should be.
 */
import { baseName, type ImageDetails, type ImageItem } from "@chinese-clip/search-page";

/** An item as the routes give it. */
export interface ServedItem {
  readonly id: string;
  readonly score?: number;
  readonly meta: Readonly<Record<string, unknown>>;
}

/** An item of a result. */
export function itemOf({ id, score }: ServedItem): ImageItem {
  return { id, name: baseName(id), score };
}

/** What is known of an item. */
export function detailsOf(item: ServedItem): ImageDetails {
  const { meta } = item;
  const text = (name: string): string | undefined => {
    const value = meta[name];
    return typeof value === "string" && value !== "" ? value : undefined;
  };
  const number = (name: string): number | undefined => {
    const value = meta[name];
    return typeof value === "number" && Number.isFinite(value) ? value : undefined;
  };
  return {
    ...itemOf(item),
    path: item.id,
    bytes: number("size"),
    width: number("width"),
    height: number("height"),
    takenAt: text("takenAt"),
    modifiedAt: number("mtime"),
    camera: text("camera"),
    latitude: number("latitude"),
    longitude: number("longitude"),
  };
}
