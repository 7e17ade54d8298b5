/**
 * Errors on their way between threads.
 *
 * The structured clone of an `Error` keeps its name only when it is a built-in one, drops `code` and `details`, and turns a subclass into a
 * plain `Error`. So an error travels as a plain object, and the receiving side rebuilds it: a typed class through the reviver registered
 * under the error's `name`, a built-in by its name, anything else as an `Error` that carries the same fields.
 */
import { isError } from "../error-message.js";

/** An error as a plain object that survives the structured clone. */
export interface SerializedError {
  /** The class's name. */
  readonly name: string;
  /** As it was thrown. */
  readonly message: string;
  /** The sender's. */
  readonly stack: string | undefined;
  /** The `code` of Node's system errors and of this project's typed errors. */
  readonly code: string | number | undefined;
  /** A copy of the error's `details`, or `undefined` where it has none or they cannot be cloned. */
  readonly details: unknown;
  /** What `cause` held: another error, or a value that is not an error as a string. */
  readonly cause: { readonly error: SerializedError } | { readonly text: string } | undefined;
}

/** What a reviver gets besides the message. */
export interface RevivedFields {
  /** The error's `code`. */
  readonly code: string | number | undefined;
  /** A copy of its `details`. */
  readonly details: unknown;
  /** Its cause, an error again if it was one. */
  readonly cause: unknown;
}

/** Rebuilds the typed errors of one or more packages: `name` of the class to a function that constructs it. */
export type ErrorRevivers = Readonly<Record<string, (message: string, fields: RevivedFields) => Error>>;

/** Ends cycles and keeps a pathological chain from filling the message; no real chain comes near. */
const MAX_CAUSES = 8;

const BUILT_IN: Readonly<Record<string, (message: string) => Error>> = {
  TypeError: (message) => new TypeError(message),
  RangeError: (message) => new RangeError(message),
  SyntaxError: (message) => new SyntaxError(message),
  AbortError: (message) => new DOMException(message, "AbortError"),
  TimeoutError: (message) => new DOMException(message, "TimeoutError"),
};

/**
 * Makes a plain object of whatever was thrown.
 *
 * @param thrown - The thrown value; what is not an `Error` becomes one whose message is its text.
 */
export function serializeError(thrown: unknown, depth: number = 0): SerializedError {
  if (!isError(thrown)) {
    return {
      name: "Error",
      message: textOf(thrown),
      stack: undefined,
      code: undefined,
      details: undefined,
      cause: undefined,
    };
  }
  const code = "code" in thrown ? thrown.code : undefined;
  const details = "details" in thrown ? thrown.details : undefined;
  return {
    name: thrown.name,
    message: thrown.message,
    stack: thrown.stack,
    code: typeof code === "string" || typeof code === "number" ? code : undefined,
    details: cloneable(details),
    cause: serializeCause(thrown.cause, depth),
  };
}

/**
 * Rebuilds an error on the receiving side. Its `stack` is the sender's, which is where the fault lies.
 *
 * @param revivers - Constructors of typed errors by name; without one, the error is a built-in or a plain `Error` with `name`, `code` and
 *   `details` set.
 */
export function reviveError(serialized: SerializedError, revivers: ErrorRevivers = {}): Error {
  const { name, message, stack, code, details, cause: packed } = serialized;
  const cause = packed === undefined ? undefined : "error" in packed ? reviveError(packed.error, revivers) : packed.text;
  const revive = Object.hasOwn(revivers, name) ? revivers[name] : undefined;
  const error = revive === undefined ? reviveUntyped(name, message, { code, details, cause }) : revive(message, { code, details, cause });
  if (stack !== undefined) Object.defineProperty(error, "stack", { value: stack, configurable: true, writable: true });
  return error;
}

function reviveUntyped(name: string, message: string, { code, details, cause }: RevivedFields): Error {
  const construct = Object.hasOwn(BUILT_IN, name) ? BUILT_IN[name] : undefined;
  const error = construct === undefined ? new Error(message) : construct(message);
  // defineProperty: a DOMException's `name` and `code` are getters of its prototype, and assigning to them throws in strict mode.
  const define = (key: string, value: unknown): void => {
    if (value !== undefined)
      Object.defineProperty(error, key, { value, configurable: true, writable: true, enumerable: key !== "cause" && key !== "name" });
  };
  if (error.name !== name) define("name", name);
  if (!(error instanceof DOMException)) define("code", code);
  define("details", details);
  define("cause", cause);
  return error;
}

function serializeCause(cause: unknown, depth: number): SerializedError["cause"] {
  if (cause === undefined || depth >= MAX_CAUSES) return undefined;
  return isError(cause) ? { error: serializeError(cause, depth + 1) } : { text: textOf(cause) };
}

function cloneable(value: unknown): unknown {
  try {
    return structuredClone(value);
  } catch {
    return undefined;
  }
}

/** What is not an error, as text. */
function textOf(value: unknown): string {
  if (typeof value === "string") return value;
  try {
    return JSON.stringify(value) ?? String(value);
  } catch {
    return String(value);
  }
}
