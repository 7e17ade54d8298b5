/**
 * The error of a model that could not be fetched from a hub, or read from its cache.
 */
import { causeWithoutSecrets, withoutSecrets } from "./without-secrets.js";

/** What went wrong: a closed set, so that a caller can branch on it. */
export type HubErrorCode =
  /** Requests are not allowed (`localFilesOnly`, `HF_HUB_OFFLINE`), and the cache does not have what was asked for. */
  | "offline"
  /** The hub has no such model, revision or file. */
  | "not-found"
  /** The model is private or gated, and the token is missing or not good enough. */
  | "unauthorized"
  /** The hub limits the rate of requests, and retries did not help. */
  | "rate-limited"
  /** The server fails, or does not speak the hub's protocol. */
  | "server"
  /** No connection, or one that broke or stalled too often. */
  | "network"
  /** The answer is not the file: wrong size, wrong hash, a web page. Nothing of it is stored. */
  | "integrity"
  /** The disk is full. */
  | "disk"
  /** The cache cannot be read or written. */
  | "cache";

/** A model that could not be fetched. The message says what can be done about it; message, details and cause are without passwords and signatures. */
export class HubError extends Error {
  /** Always `"HubError"`, also when the class was loaded twice. */
  override readonly name = "HubError";
  /** Which kind of fault, from a closed set. */
  readonly code: HubErrorCode;
  /** The parts of the message as data: url, status, file, path, expected, actual. */
  readonly details: Readonly<Record<string, unknown>>;

  constructor(code: HubErrorCode, message: string, details: Readonly<Record<string, unknown>> = {}, options?: ErrorOptions) {
    super(withoutSecrets(message), options && { ...options, cause: causeWithoutSecrets(options.cause) });
    this.code = code;
    this.details = Object.fromEntries(
      Object.entries(details).map(([key, value]) => [key, typeof value === "string" ? withoutSecrets(value) : value]),
    );
  }
}
