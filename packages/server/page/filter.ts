/**
 * The page's conditions as the server's filter, on the metadata of an image index.
 */
import { type ImageFilter, pathGlob } from "@chinese-clip/search-page";

/** The filter; undefined for none. */
export function filterOf({ path, takenFrom, takenTo, camera, minSide, minBytes }: ImageFilter): unknown {
  const parts: unknown[] = [];
  const add = (field: string, op: string, value: unknown): void => void parts.push({ field, op, value });
  if (path !== undefined) add("path", "glob", pathGlob(path));
  if (takenFrom !== undefined) add("takenAt", "gte", takenFrom);
  // Times of the last day are longer texts that begin with it.
  if (takenTo !== undefined) add("takenAt", "lt", `${takenTo}U`);
  if (camera !== undefined) parts.push({ or: spellings(camera).map((value) => ({ field: "camera", op: "glob", value: `**${value}**` })) });
  if (minSide !== undefined)
    parts.push({
      or: [
        { field: "width", op: "gte", value: minSide },
        { field: "height", op: "gte", value: minSide },
      ],
    });
  if (minBytes !== undefined) add("size", "gte", minBytes);
  return parts.length === 0 ? undefined : { and: parts };
}

/** A camera's name as it may be written: globs tell `canon` from `Canon`. */
function spellings(text: string): string[] {
  const words = text.toLowerCase().replace(/(?<![a-z])[a-z]/gu, (letter) => letter.toUpperCase());
  return [...new Set([text, words, text.toUpperCase()])];
}
