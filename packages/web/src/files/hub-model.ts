/**
 * A hub's model at one moment: which commit a branch is, what files it has, and what each of them should be.
 */
import { type FileClaim, parseClaim } from "./file-claim.js";
import type { HostedModel } from "./hosted-files.js";
import type { RemoteContext } from "./remote-file.js";
import { fetchText } from "./remote-text.js";

/** `owner/name`, by the hub's rules. */
const REPO_ID = /^[A-Za-z0-9_](?:[\w.-]{0,94}\w)?\/[A-Za-z0-9_](?:[\w.-]{0,94}\w)?$/u;

/**
 * Asks the endpoints in order; the first that answers is taken. One that has files only, such as a mirror without the hub's API, does.
 *
 * @param repo - what the caller gave as a source, and is no address.
 * @throws RangeError - what is no hub's id, or of a hub that pages cannot ask; no endpoint; HubError - none answers: what was wrong with the first.
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
    const base = host.replace(/\/+$/u, "");
    const resolveAt = (commit: string) => (name: string) =>
      `${base}/${repo}/resolve/${encodeURIComponent(commit)}/${name.split("/").map(encodeURIComponent).join("/")}`;
    try {
      // With sizes and hashes: the header that says a file's hash is behind a redirect, which a page follows blindly.
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

interface Listing {
  readonly commit: string;
  readonly files: ReadonlyMap<string, FileClaim>;
}

function parseListing(text: string): Listing | undefined {
  let json: unknown;
  try {
    json = JSON.parse(text);
  } catch {
    return undefined;
  }
  const { sha, siblings } = recordOf(json);
  if (typeof sha !== "string" || !/^[\w.-]+$/u.test(sha) || !Array.isArray(siblings)) return undefined;
  const files = new Map<string, FileClaim>();
  for (const sibling of siblings) {
    const { rfilename, size, lfs } = recordOf(sibling);
    // Small files are in git, which has another hash for them.
    if (typeof rfilename === "string") files.set(rfilename, parseClaim(size, recordOf(lfs)["sha256"]));
  }
  return { commit: sha, files };
}

function recordOf(json: unknown): Record<string, unknown> {
  return typeof json === "object" && json !== null ? (json as Record<string, unknown>) : {};
}
