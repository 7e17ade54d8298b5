/**
 * The protocol of the Hugging Face hub and its mirrors, as `huggingface_hub/file_download.py` speaks it.
 */
import { HubError, PROBED_FILES } from "@chinese-clip/pipeline";
import { isSafeId, isSafePath, parseEtag } from "./hub-path.js";
import { discard, type HubClient, readJsonBody, sendRequest, statusError } from "./hub-request.js";
import type { Remote, RemoteFile, Snapshot } from "./remote.js";

/** What the server says about one file. */
interface FileAnswer {
  /** Undefined where there is no such file. */
  readonly file: RemoteFile | undefined;
  /** The commit that the revision is, which servers also say about a file that is not there. */
  readonly commit: string | undefined;
}

/** One model at one endpoint. */
export class HuggingFace implements Remote {
  readonly #client: HubClient;
  readonly #endpoint: string;
  readonly #repo: string;

  /** @param endpoint - without a `/` at its end. */
  constructor(client: HubClient, endpoint: string, repo: string) {
    this.#client = client;
    this.#endpoint = endpoint;
    this.#repo = repo;
  }

  async resolve(revision: string): Promise<Snapshot> {
    return (await this.#list(revision)) ?? this.#probe(revision);
  }

  async locate(commit: string, name: string): Promise<RemoteFile | undefined> {
    return (await this.#ask(commit, name)).file;
  }

  /** One request for commit and names; undefined at a mirror that has files only. */
  async #list(revision: string): Promise<Snapshot | undefined> {
    const url = `${this.#endpoint}/api/models/${this.#repo}/revision/${encodeURIComponent(revision)}`;
    const response = await sendRequest(this.#client, { method: "GET", url });
    if (!response.ok) {
      await discard(response);
      const error = statusError(response, url);
      const isAnswer = error.code !== "not-found" || error.details["reason"] !== undefined;
      if (isAnswer && ![400, 405, 501].includes(response.status)) throw error;
      return undefined;
    }
    if (/^text\/html\b/iu.test(response.headers.get("content-type") ?? "")) {
      await discard(response);
      return undefined;
    }
    const json = await readJsonBody(this.#client, response, url);
    if (typeof json !== "object" || json === null || !("sha" in json) || typeof json.sha !== "string" || !isSafeId(json.sha))
      return undefined;
    const siblings: unknown[] = "siblings" in json && Array.isArray(json.siblings) ? json.siblings : [];
    const names = siblings.flatMap((sibling) =>
      // A name that would lead out of the cache is as good as none.
      typeof sibling === "object" && sibling !== null && "rfilename" in sibling && typeof sibling.rfilename === "string" && isSafePath(sibling.rfilename) // prettier-ignore
        ? [sibling.rfilename]
        : [],
    );
    return { commit: json.sha, names: names.length === 0 ? undefined : names };
  }

  /** The commit by asking for files until one is there, or is said not to be. */
  async #probe(revision: string): Promise<Snapshot> {
    for (const name of PROBED_FILES) {
      const { commit } = await this.#ask(revision, name);
      if (commit !== undefined) return { commit, names: undefined };
    }
    const url = `${this.#endpoint}/${this.#repo}`;
    throw new HubError(
      "not-found",
      `${url}: no such model, or none of this kind, at revision ${revision}. Check the name and the revision`,
      {
        url,
        revision,
      },
    );
  }

  async #ask(revision: string, name: string): Promise<FileAnswer> {
    const url = `${this.#endpoint}/${this.#repo}/resolve/${encodeURIComponent(revision)}/${name.split("/").map(encodeURIComponent).join("/")}`;
    let commit: string | undefined;
    let etag: string | undefined;
    let size: number | undefined;
    const read = ({ headers }: Response): void => {
      commit ??= headers.get("x-repo-commit") ?? undefined;
      etag ??= parseEtag(headers.get("x-linked-etag"));
      size ??= parseSize(headers.get("x-linked-size"));
    };
    const response = await sendRequest(this.#client, {
      method: "HEAD",
      url,
      // A redirect to where the bytes are says all that there is to know; one to another address of the hub does not.
      onRedirect: (redirect) => {
        read(redirect);
        return commit !== undefined && etag !== undefined;
      },
    });
    await discard(response);
    read(response);
    if (commit !== undefined && !isSafeId(commit)) throw notHub(url, `X-Repo-Commit ${JSON.stringify(commit.slice(0, 80))}`);
    if (response.status >= 400) {
      const error = statusError(response, url);
      const { reason } = error.details;
      if (error.code !== "not-found" || (reason !== undefined && reason !== "EntryNotFound")) throw error;
      return { file: undefined, commit };
    }
    if (response.status < 300) {
      etag ??= parseEtag(response.headers.get("etag"));
      // A compressed answer would give the wrong length.
      if (!response.headers.has("content-encoding")) size ??= parseSize(response.headers.get("content-length"));
    }
    if (commit === undefined) throw notHub(url, "no X-Repo-Commit header");
    if (etag === undefined) throw notHub(url, "no usable ETag header");
    return { file: { url, etag, size }, commit };
  }
}

function parseSize(header: string | null): number | undefined {
  return header !== null && /^\d{1,15}$/u.test(header) ? Number(header) : undefined;
}

function notHub(url: string, got: string): HubError {
  return new HubError(
    "server",
    `${url}: expected the answer of a Hugging Face hub, got ${got}. Check HF_ENDPOINT, and whether a proxy or a login page is in the way`,
    { url },
  );
}
