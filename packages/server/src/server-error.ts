/**
 * Every answer that is no success, as OpenAI's clients read it: `{ error: { message, type, code } }` with the HTTP status that fits.
 */

/** OpenAI's kinds of errors. */
export type ServerErrorType =
  | "invalid_request_error"
  | "authentication_error"
  | "permission_error"
  | "not_found_error"
  | "rate_limit_error"
  | "server_error";

/** What is wrong: a closed set. */
export type ServerErrorCode =
  /** The body is no JSON in UTF-8, is nested too deeply, or has too many values. */
  | "invalid-json"
  /** The body is no `multipart/form-data` as its content type says. */
  | "invalid-form"
  /** A field that is missing or of another type; the message begins with its place. */
  | "invalid-request"
  /** An option of another server's API that this model does not have. */
  | "unsupported-option"
  /** Token ids in the place of texts. */
  | "token-input"
  /** More inputs than `limits.inputs`. */
  | "too-many-inputs"
  /** A text longer than `limits.textLength`, or than the model reads where it must not be cut. */
  | "text-too-long"
  /** An image that is neither a data: URL nor base64. */
  | "invalid-base64"
  /** A path in the place of an image. */
  | "path-rejected"
  /** A URL in the place of an image, where URLs are not allowed, or one that never is. */
  | "url-rejected"
  /** Bytes that are no image, or a damaged one. */
  | "invalid-image"
  /** An image with more pixels or bytes than allowed, or one that takes too long to decode. */
  | "image-too-large"
  /** A URL whose image cannot be fetched. */
  | "image-unreadable"
  /** A query or filter that cannot be followed. */
  | "invalid-query"
  /** Embeddings of two models, or of two lengths. */
  | "model-mismatch"
  /** A body larger than `limits.bodyBytes`. */
  | "body-too-large"
  /** A content type or encoding that the route does not read. */
  | "unsupported-media-type"
  /** No key, or a wrong one. */
  | "unauthorized"
  /** A request by a host name that is not allowed: see `allowedHosts`. */
  | "host-rejected"
  /** A web page of another origin: see `allowedOrigins`. */
  | "origin-rejected"
  /** A change of an index that is not writable. */
  | "read-only"
  /** No such route. */
  | "not-found"
  /** No such model. */
  | "no-such-model"
  /** No such index. */
  | "no-such-index"
  /** No such item, or one without the file that was asked for. */
  | "no-such-item"
  /** A route that there is, by another method. */
  | "method-not-allowed"
  /** The body arrives too slowly. */
  | "body-timeout"
  /** The caller closed the connection. */
  | "client-closed"
  /** The queue is full, or the memory for bodies in flight is. */
  | "overloaded"
  /** The deadline passed while the request waited for its turn. */
  | "queue-timeout"
  /** The deadline passed while the request was being worked on. */
  | "timed-out"
  /** The server is ending. */
  | "shutting-down"
  /** A store that does not answer, or a part of one where all are needed. */
  | "store-unavailable"
  /** The server that immich's other tasks are forwarded to does not answer. */
  | "upstream-failed"
  /** A fault of the server. */
  | "internal";

const KINDS: Readonly<Record<ServerErrorCode, readonly [status: number, type: ServerErrorType]>> = {
  "invalid-json": [400, "invalid_request_error"],
  "invalid-form": [400, "invalid_request_error"],
  "invalid-request": [400, "invalid_request_error"],
  "unsupported-option": [400, "invalid_request_error"],
  "token-input": [400, "invalid_request_error"],
  "too-many-inputs": [413, "invalid_request_error"],
  "text-too-long": [413, "invalid_request_error"],
  "invalid-base64": [400, "invalid_request_error"],
  "path-rejected": [400, "invalid_request_error"],
  "url-rejected": [400, "invalid_request_error"],
  "invalid-image": [400, "invalid_request_error"],
  "image-too-large": [413, "invalid_request_error"],
  "image-unreadable": [400, "invalid_request_error"],
  "invalid-query": [400, "invalid_request_error"],
  "model-mismatch": [409, "invalid_request_error"],
  "body-too-large": [413, "invalid_request_error"],
  "unsupported-media-type": [415, "invalid_request_error"],
  unauthorized: [401, "authentication_error"],
  "host-rejected": [403, "permission_error"],
  "origin-rejected": [403, "permission_error"],
  "read-only": [403, "permission_error"],
  "not-found": [404, "not_found_error"],
  "no-such-model": [404, "not_found_error"],
  "no-such-index": [404, "not_found_error"],
  "no-such-item": [404, "not_found_error"],
  "method-not-allowed": [405, "invalid_request_error"],
  "body-timeout": [408, "invalid_request_error"],
  "client-closed": [499, "invalid_request_error"],
  overloaded: [429, "rate_limit_error"],
  "queue-timeout": [503, "server_error"],
  "timed-out": [504, "server_error"],
  "shutting-down": [503, "server_error"],
  "store-unavailable": [503, "server_error"],
  "upstream-failed": [502, "server_error"],
  internal: [500, "server_error"],
};

/** A request that is answered with an error. */
export class ServerError extends Error {
  /** `"ServerError"`. */
  override readonly name: string = "ServerError";
  /** What is wrong. */
  readonly code: ServerErrorCode;
  /** Headers of the answer, such as `retry-after`. */
  readonly headers: Readonly<Record<string, string>>;

  constructor(code: ServerErrorCode, message: string, headers: Readonly<Record<string, string>> = {}, options?: ErrorOptions) {
    super(message, options);
    this.code = code;
    this.headers = headers;
  }

  /** The HTTP status of the answer. */
  get status(): number {
    return KINDS[this.code][0];
  }

  /** The answer. */
  toResponse(): Response {
    const [status, type] = KINDS[this.code];
    return Response.json({ error: { message: this.message, type, code: this.code } }, { status, headers: this.headers });
  }
}

/** Codes of a `SearchError` that a request can cause, and how they are answered. Others are faults of the server. */
const SEARCH_CODES: Readonly<Record<string, ServerErrorCode>> = {
  "dimension-mismatch": "model-mismatch",
  "fingerprint-mismatch": "model-mismatch",
  "non-finite": "invalid-request",
  "invalid-id": "invalid-request",
  "invalid-filter": "invalid-query",
  "empty-part": "invalid-query",
  "zero-weight": "invalid-query",
  "unterminated-quote": "invalid-query",
  "zero-query": "invalid-query",
  "read-only": "read-only",
  locked: "read-only",
  incomplete: "store-unavailable",
  unavailable: "store-unavailable",
  rejected: "store-unavailable",
};

/** Codes of an `ImageError`: what a request's own image can cause. */
const IMAGE_CODES: Readonly<Record<string, ServerErrorCode>> = {
  "too-large": "image-too-large",
  truncated: "invalid-image",
  "unknown-format": "invalid-image",
  "invalid-image": "invalid-image",
  unreadable: "image-unreadable",
};

/**
 * An error as the one that is answered. Errors of the libraries are told by name and code; one that no request should cause becomes `internal`
 * with its cause, and says nothing of what happened inside.
 *
 * @param place - the field that the error is about, put in front of the message.
 */
export function toServerError(error: unknown, place?: string): ServerError {
  if (error instanceof ServerError) return error;
  if (error instanceof Error) {
    const table = error.name === "SearchError" ? SEARCH_CODES : error.name === "ImageError" ? IMAGE_CODES : {};
    const code = "code" in error ? table[String(error.code)] : undefined;
    const message = place === undefined ? error.message : `${place}: ${error.message}`;
    if (code !== undefined) return new ServerError(code, message, {}, { cause: error });
  }
  return new ServerError("internal", "the server failed; its log has the reason", {}, { cause: error });
}
