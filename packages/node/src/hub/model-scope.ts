/**
 * The protocol of ModelScope, as its Python package's `hub/api.py` and `hub/file_download.py` speak it. Public models only: no token is sent.
 *
 * Departs from Hugging Face where ModelScope has nothing like it: a commit of the whole model. The list of files with their sha256 is one,
 * so its own hash takes the commit's place.
 */
import { createHash } from "node:crypto";
import { HubError } from "@chinese-clip/pipeline";
import { isSafePath } from "./hub-path.js";
import { discard, type HubClient, readJsonBody, sendRequest, statusError } from "./hub-request.js";
import type { Remote, RemoteFile, Snapshot } from "./remote.js";

/** One model at ModelScope. */
export class ModelScope implements Remote {
  readonly #client: HubClient;
  readonly #base: string;
  readonly #revision: string;
  /** What each commit that was seen consists of. */
  readonly #listings = new Map<string, ReadonlyMap<string, RemoteFile>>();

  /**
   * @param endpoint - without a `/` at its end.
   * @param revision - what files are asked for: the hub does not know our commits.
   */
  constructor(client: HubClient, endpoint: string, repo: string, revision: string) {
    this.#client = client;
    this.#base = `${endpoint}/api/v1/models/${repo}/repo`;
    this.#revision = revision;
  }

  async resolve(revision: string): Promise<Snapshot> {
    const url = `${this.#base}/files?Revision=${encodeURIComponent(revision)}&Recursive=true`;
    const response = await sendRequest(this.#client, { method: "GET", url });
    if (!response.ok) {
      await discard(response);
      throw statusError(response, url);
    }
    const files = parseFiles(await readJsonBody(this.#client, response, url), url).map(({ path, sha256, size }): [string, RemoteFile] => [
      path,
      { url: `${this.#base}?Revision=${encodeURIComponent(revision)}&FilePath=${encodeURIComponent(path)}`, etag: sha256, size },
    ]);
    const content = files.map(([path, { etag }]) => `${etag} ${path}\n`).sort();
    const commit = createHash("sha256").update(content.join("")).digest("hex").slice(0, 40);
    this.#listings.set(commit, new Map(files));
    return { commit, names: files.map(([path]) => path) };
  }

  async locate(commit: string, name: string): Promise<RemoteFile | undefined> {
    const known = this.#listings.get(commit) ?? this.#listings.get((await this.resolve(this.#revision)).commit);
    return known?.get(name);
  }
}

interface ListedFile {
  readonly path: string;
  readonly sha256: string;
  readonly size: number | undefined;
}

function parseFiles(json: unknown, url: string): readonly ListedFile[] {
  const data = typeof json === "object" && json !== null && "Data" in json ? json.Data : undefined;
  const files: unknown = typeof data === "object" && data !== null && "Files" in data ? data.Files : undefined;
  if (!Array.isArray(files)) {
    const said = typeof json === "object" && json !== null && "Message" in json ? json.Message : json;
    throw new HubError("server", `${url}: expected a list of files, got ${JSON.stringify(said)?.slice(0, 200)}`, { url });
  }
  return files.flatMap((file: unknown): ListedFile[] => {
    if (typeof file !== "object" || file === null || !("Path" in file) || typeof file.Path !== "string" || !isSafePath(file.Path))
      return [];
    // A folder has no hash; a file without one could not be told from any other.
    if (!("Sha256" in file) || typeof file.Sha256 !== "string" || !/^[0-9a-f]{64}$/u.test(file.Sha256)) return [];
    const size =
      "Size" in file && typeof file.Size === "number" && Number.isSafeInteger(file.Size) && file.Size >= 0 ? file.Size : undefined;
    return [{ path: file.Path, sha256: file.Sha256, size }];
  });
}
