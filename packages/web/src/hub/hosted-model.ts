/**
 * Where a model is on a server: the addresses of its files, and which files there are, where a hub or a folder's manifest lists them.
 */
import { isCheckpointFile, isGraphFile } from "@chinese-clip/pipeline";
import { type ExpectedFile, parseExpectedFile } from "../http/expected-file.js";

/** A model on a server. */
export interface HostedModel {
  /** The caller's name for it. */
  readonly source: string;
  /** The address of one of its files. */
  readonly urlOf: (name: string) => string;
  /** Its files, where a hub lists them. */
  readonly files: ReadonlyMap<string, ExpectedFile> | undefined;
  /** The one weights file that the source named. */
  readonly only: string | undefined;
}

/** The model of a folder, or of one weights file with the small files beside it. A query, such as a signature, goes with every file. */
export function modelAt(source: string, url: URL): HostedModel {
  const isWeights = isCheckpointFile(url.pathname) || isGraphFile(url.pathname);
  const only = isWeights ? url.pathname.slice(url.pathname.lastIndexOf("/") + 1) : undefined;
  const folder = new URL(url);
  if (only !== undefined) folder.pathname = folder.pathname.slice(0, -only.length);
  else if (!folder.pathname.endsWith("/")) folder.pathname += "/";
  const urlOf = (name: string): string => {
    const file = new URL(folder);
    file.pathname += name.split("/").map(encodeURIComponent).join("/");
    return file.href;
  };
  return { source, urlOf, files: undefined, only };
}

/** The model in a folder of that one. */
export function inSubfolder(model: HostedModel, subfolder: string): HostedModel {
  const folder = `${subfolder.replaceAll("\\", "/")}/`;
  const files =
    model.files &&
    [...model.files].flatMap(([name, file]) => (name.startsWith(folder) ? [[name.slice(folder.length), file] as const] : []));
  return { ...model, urlOf: (name) => model.urlOf(folder + name), files: files && new Map(files) };
}

/** The files that a manifest lists; none where there is no manifest, or something else under its name. */
export function parseManifest(text: string | undefined): ReadonlyMap<string, ExpectedFile> {
  const expected = new Map<string, ExpectedFile>();
  try {
    const json: unknown = JSON.parse(text ?? "");
    const files: unknown = typeof json === "object" && json !== null && "files" in json ? json.files : undefined;
    for (const file of Array.isArray(files) ? files : []) {
      const { name, bytes, sha256 } = (typeof file === "object" && file !== null ? file : {}) as Record<string, unknown>;
      if (typeof name === "string") expected.set(name, parseExpectedFile(bytes, sha256));
    }
  } catch {
    // No manifest.
  }
  return expected;
}
