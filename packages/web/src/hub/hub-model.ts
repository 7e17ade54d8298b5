/**
 * A model of a hub at one commit: its files, each with its expected size and SHA-256.
 */
import type { RemoteContext } from "../cache/remote-file.js";
import { fetchText } from "../cache/remote-text.js";
import { type ExpectedFile, parseExpectedFile } from "../http/expected-file.js";
import type { HostedModel } from "./hosted-model.js";

/** `owner/name`, by the hub's rules. */
const REPO_ID = /^[A-Za-z0-9_](?:[\w.-]{0,94}\w)?\/[A-Za-z0-9_](?:[\w.-]{0,94}\w)?$/u;

/**
 * Finds a model by asking the endpoints in order, until one answers. An endpoint without the hub's API, such as a mirror of the files, will do.
 *
 * @param repo - a source that is no address.
 * @throws RangeError - not a hub's id, or of a hub that pages cannot read; no endpoint. HubError - no endpoint answers: the first one's error.
 */
export async function findAtHub(
  repo: string,
  endpoint: string | readonly string[],
  revision = "main",
  context: RemoteContext,
): Promise<HostedModel> {
  if (String(repo).startsWith("modelscope:"))
    throw new RangeError(
      `fromPretrained: expected a model that a page can fetch, got ${repo}: ModelScope's files come without CORS headers. ` +
        "Write it to a folder of your own server with exportWeb of @chinese-clip/node, which takes this name, and load it from there",
    );
  if (typeof repo !== "string" || !REPO_ID.test(repo) || repo.includes("--") || repo.includes(".."))
    throw new RangeError(`fromPretrained: expected an address, a hub's id (owner/name) or PickedFiles, got ${JSON.stringify(repo)}`);
  const errors: unknown[] = [];
  for (const host of typeof endpoint === "string" ? [endpoint] : endpoint) {
    const base = host.replace(/(?<!\/)\/+$/u, "");
    const resolveAt = (commit: string) => (name: string) =>
      `${base}/${repo}/resolve/${encodeURIComponent(commit)}/${name.split("/").map(encodeURIComponent).join("/")}`;
    try {
      // `blobs` for sizes and hashes: the header with a file's hash is on a redirect, whose headers a page never sees.
      const url = `${base}/api/models/${repo}/revision/${encodeURIComponent(revision)}?blobs=true`;
      const text = await fetchText(url, context, { accepts: (json) => parseListing(json) !== undefined });
      const listing = text === undefined ? undefined : parseListing(text);
      return { source: repo, urlOf: resolveAt(listing?.commit ?? revision), files: listing?.files, only: undefined };
    } catch (error) {
      context.signal?.throwIfAborted();
      errors.push(error);
    }
  }
  if (errors.length === 0) throw new RangeError("fromPretrained: expected at least one endpoint, got none");
  throw errors[0];
}

/** What a hub says of a model. */
export interface Listing {
  readonly commit: string;
  readonly files: ReadonlyMap<string, ExpectedFile>;
}

/** A listing of `/api/models`; undefined for anything else. */
export function parseListing(text: string): Listing | undefined {
  let json: unknown;
  try {
    json = JSON.parse(text);
  } catch {
    return undefined;
  }
  const { sha, siblings } = recordOf(json);
  if (typeof sha !== "string" || !/^[\w.-]+$/u.test(sha) || !Array.isArray(siblings)) return undefined;
  const files = new Map<string, ExpectedFile>();
  for (const sibling of siblings) {
    const { rfilename, size, lfs } = recordOf(sibling);
    // Small files are in git, whose hash is not a SHA-256 of the content.
    if (typeof rfilename === "string") files.set(rfilename, parseExpectedFile(size, recordOf(lfs)["sha256"]));
  }
  return { commit: sha, files };
}

function recordOf(json: unknown): Record<string, unknown> {
  return typeof json === "object" && json !== null ? (json as Record<string, unknown>) : {};
}
