/**
 * What `--in` names: a folder of images, features in a file, or the folder that `embed` wrote them to.
 */
import type { Dirent } from "node:fs";
import { readdir, stat } from "node:fs/promises";
import { join } from "node:path";
import { missingFile } from "@chinese-clip/dataset";
import { t } from "../translation/translate.js";
import { UsageError } from "../option.js";

/** One thing to search. */
export interface GallerySource {
  readonly kind: "images" | "npy" | "jsonl";
  readonly path: string;
}

/**
 * The sources that some names stand for.
 *
 * @throws DatasetError - no such file or folder; UsageError - a file of another kind.
 */
export async function gallerySources(names: readonly string[]): Promise<GallerySource[]> {
  const sources: GallerySource[] = [];
  for (const name of names) for (const source of await sourcesOf(name)) sources.push(source);
  return sources;
}

async function sourcesOf(name: string): Promise<GallerySource[]> {
  try {
    if ((await stat(name)).isDirectory()) {
      const embedded = await embeddedFiles(name);
      return embedded.length > 0 ? embedded : [{ kind: "images", path: name }];
    }
  } catch (cause) {
    throw missingFile(name, cause);
  }
  if (name.endsWith(".npy")) return [{ kind: "npy", path: name }];
  if (name.endsWith(".jsonl")) return [{ kind: "jsonl", path: name }];
  throw new UsageError(t`--in: expected a folder, or features in .jsonl or .npy, got ${name}`);
}

/** The parts that `embed` wrote below a folder, in their order. */
async function embeddedFiles(folder: string): Promise<GallerySource[]> {
  const found: GallerySource[] = [];
  for (const kind of ["img_emb", "text_emb"]) {
    const entries = await readdir(join(folder, kind), { withFileTypes: true }).catch((): Dirent[] => []);
    const names = entries.filter((entry) => entry.isFile() && new RegExp(`^${kind}_\\d+\\.npy$`).test(entry.name)).map(({ name }) => name);
    for (const name of names.sort()) found.push({ kind: "npy", path: join(folder, kind, name) });
  }
  return found;
}
