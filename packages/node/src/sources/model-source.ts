/**
 * What a source string means. A path is never sent to a hub: it would tell strangers what a user's folders are called, and a mistyped
 * path would end in an error about a network.
 */
import { isWeightsFile, withoutSecrets } from "@chinese-clip/pipeline";
import { resolve } from "node:path";
import { fileURLToPath } from "node:url";
import { userHome } from "../files/user-home.js";

/** A source, understood. */
export type ParsedSource =
  | {
      readonly kind: "path";
      /** Absolute. */
      readonly path: string;
    }
  | {
      readonly kind: "hub";
      readonly hub: "hugging-face" | "modelscope";
      /** `owner/name`. */
      readonly repo: string;
      /** Absolute path of the folder that goes first where it is there, as in Python; none for an explicit hub. */
      readonly path: string | undefined;
    };

/** `owner/name`, by the rules of both hubs: letters, digits, `-`, `_`, `.`; a name begins and ends with none of the signs. */
const REPO_ID = /^[A-Za-z0-9_](?:[\w.-]{0,94}\w)?\/[A-Za-z0-9_](?:[\w.-]{0,94}\w)?$/u;
const MODELSCOPE = "modelscope:";

/**
 * @param source - the caller's.
 * @throws TypeError - a URL that is not a `file:` URL, something that is no string; RangeError - a hub's id that cannot be.
 */
export function parseSource(source: string | URL): ParsedSource {
  if (source instanceof URL || (typeof source === "string" && source.startsWith("file:"))) {
    return { kind: "path", path: pathOf(source) };
  }
  if (typeof source !== "string") throw new TypeError(`fromPretrained: expected source to be a string or a URL, got ${typeof source}`);
  if (source === "" || source.includes("\0"))
    throw new RangeError(`fromPretrained: expected a path or a hub's id, got ${excerpt(JSON.stringify(source))}`);
  if (source.startsWith(MODELSCOPE)) {
    const repo = source.slice(MODELSCOPE.length);
    if (!isRepoId(repo)) throw new RangeError(`fromPretrained: expected modelscope:owner/name, got ${excerpt(source)}`);
    return { kind: "hub", hub: "modelscope", repo, path: undefined };
  }
  if (/^[a-z][a-z+.-]+:\/\//iu.test(source))
    throw new TypeError(`fromPretrained: expected a path, a file: URL or a hub's id (owner/name), got ${excerpt(source)}`);
  const path = resolve(source === "~" || source.startsWith("~/") ? homeOf(source) + source.slice(1) : source);
  const isPath = /^[./~\\]/u.test(source) || /^[A-Za-z]:/u.test(source) || isWeightsFile(source);
  return isPath || !isRepoId(source) ? { kind: "path", path } : { kind: "hub", hub: "hugging-face", repo: source, path };
}

/** @throws RangeError - this process has no home folder. */
function homeOf(source: string): string {
  const home = userHome();
  if (home !== undefined) return home;
  throw new RangeError(
    `fromPretrained: expected a home folder for ${excerpt(source)}, but HOME is not set and the system does not know this user`,
  );
}

/** @throws TypeError - a URL that names no file of this machine. */
function pathOf(source: string | URL): string {
  try {
    return fileURLToPath(source);
  } catch (cause) {
    throw new TypeError(`fromPretrained: expected a path, a file: URL of this machine or a hub's id, got ${excerpt(String(source))}`, {
      cause,
    });
  }
}

/** What was given, for a message: its first 200 characters without a user's name and password, control characters escaped. */
function excerpt(source: string): string {
  return withoutSecrets(source.slice(0, 10_000))
    .slice(0, 200)
    .replace(/[\p{Cc}\p{Cf}\p{Cs}]/gu, (char) => `\\u{${char.codePointAt(0)?.toString(16)}}`);
}

/** `--` separates owner and name in the cache's folder names, so neither has it; Hugging Face forbids both. */
function isRepoId(text: string): boolean {
  return REPO_ID.test(text) && !text.includes("--") && !text.includes("..");
}
