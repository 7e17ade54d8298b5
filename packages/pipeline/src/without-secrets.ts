/**
 * What errors say of addresses: messages end up in logs, and an address may hold a user's password or a signature that opens a file.
 */
import { isError } from "./error-message.js";

/** Names of parameters whose values are secrets, as in signed addresses of object stores. */
const SECRET = /token|secret|passw|pwd|signature|credential|key|auth|^sig$/iu;

/** Ends cycles; no real chain of causes comes near. */
const MAX_CAUSES = 8;

/** A text whose addresses are without user names, passwords and secret parameters. */
export function withoutSecrets(text: string): string {
  return text
    .replace(/:\/\/[^/?#\s"'<>]*@/gu, "://***@")
    .replace(/([?&][\w.%~-]+=)([^&#\s"'<>)]+)/gu, (whole, name: string) => (SECRET.test(name.slice(1, -1)) ? `${name}***` : whole));
}

/** Characters of an address that a message shows: a stranger may choose it, and a log line has a length. */
const MOST_SHOWN = 500;

/** An address as messages show it: without user name, password and secret parameters, and its beginning where it is long. */
export function shownAddress(url: URL): string {
  const plain = new URL(url);
  plain.username = "";
  plain.password = "";
  const shown = withoutSecrets(plain.href);
  return shown.length > MOST_SHOWN ? `${shown.slice(0, MOST_SHOWN - 1)}…` : shown;
}

/** What was thrown, or a copy of it where a message in its chain of causes has secrets. */
export function causeWithoutSecrets(thrown: unknown, depth: number = 0): unknown {
  if (typeof thrown === "string") return withoutSecrets(thrown);
  if (!isError(thrown) || depth > MAX_CAUSES) return thrown;
  const [message, cause] = [withoutSecrets(thrown.message), causeWithoutSecrets(thrown.cause, depth + 1)];
  // What could not be parsed as an address is in `input` of the error.
  if (message === thrown.message && cause === thrown.cause && !("input" in thrown)) return thrown;
  const copy = new Error(message, cause === undefined ? undefined : { cause });
  return Object.assign(copy, { name: thrown.name }, "code" in thrown ? { code: thrown.code } : {});
}
