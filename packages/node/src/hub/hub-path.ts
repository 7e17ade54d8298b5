/**
 * Names that come from a server, a file or a caller, before they become paths in the cache. Nothing may lead out of it, on any system:
 * the rules are those of Windows and POSIX together.
 */
import { HubError } from "@chinese-clip/pipeline";

/** Device names of Windows, with any extension. */
const RESERVED = /^(?:con|prn|aux|nul|com[0-9]|lpt[0-9])(?:\.|$)/iu;
// oxlint-disable-next-line no-control-regex -- control characters are what is rejected
const FORBIDDEN = /[\u0000-\u001f\u007f\\:*?"<>|]/u;

/** Whether a relative path with `/` between its parts stays below the folder that it is joined to. */
export function isSafePath(path: string): boolean {
  return (
    path.length > 0 &&
    path.length <= 512 &&
    !FORBIDDEN.test(path) &&
    path.split("/").every((part) => part !== "" && part.length <= 255 && !/^\.{1,2}$|[. ]$/u.test(part) && !RESERVED.test(part))
  );
}

/**
 * Rejects a file name of a model that cannot be one; the name may come from the model's own files, such as an index of shards.
 *
 * @throws HubError - `integrity`.
 */
export function checkFileName(name: string): void {
  if (isSafePath(name)) return;
  throw new HubError("integrity", `expected the name of a file within the model, got ${JSON.stringify(name.slice(0, 80))}`, { file: name });
}

/**
 * Rejects a revision that cannot be one.
 *
 * @throws RangeError - the caller's mistake.
 */
export function checkRevision(revision: string): void {
  if (isSafePath(revision)) return;
  throw new RangeError(`fromPretrained: expected revision to be a branch, a tag or a commit, got ${JSON.stringify(revision.slice(0, 80))}`);
}

/** Whether a revision is a whole git commit, which never means other files. */
export function isCommit(revision: string): boolean {
  return /^[0-9a-f]{40}$/u.test(revision);
}

/** Whether what a server or a ref says is a commit can name a folder. */
export function isSafeId(id: string): boolean {
  return /^[\w-][\w.-]{0,127}$/u.test(id) && isSafePath(id);
}

/** The value of an ETag header without quotes and `W/`; undefined where it cannot name a file. */
export function parseEtag(header: string | null): string | undefined {
  const etag = header?.trim().replace(/^W\//u, "").replace(/^"(.*)"$/u, "$1"); // prettier-ignore
  return etag !== undefined && isSafeId(etag) ? etag : undefined;
}
