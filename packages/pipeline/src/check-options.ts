/** Options as calls without types give them, checked before anything is read of them. */
import { showValue } from "./show-value.js";

/** Options that several calls share. */
interface SharedOptions {
  readonly signal?: AbortSignal | undefined;
  readonly onProgress?: unknown;
  readonly limits?: object | undefined;
}

const LIMITS: readonly string[] = ["pixels", "encodedBytes", "milliseconds", "memory", "fileBytes"];

/**
 * Checks options for their kinds. A limit of another name would be no limit.
 *
 * @throws TypeError - no object; a signal that is none, a callback that cannot be called, limits of other names.
 */
export function checkOptions(where: string, options: SharedOptions): void {
  const fail = (expected: string, got: unknown): never => {
    throw new TypeError(`${where}: expected ${expected}, got ${showValue(got)}`);
  };
  if (typeof options !== "object" || options === null) fail("options to be an object", options);
  const { signal, onProgress, limits } = options;
  // By its methods: it may come from another realm.
  const isSignal = typeof signal?.throwIfAborted === "function" && typeof signal.addEventListener === "function";
  if (signal !== undefined && !isSignal) fail("signal to be an AbortSignal", signal);
  if (onProgress !== undefined && typeof onProgress !== "function") fail("onProgress to be a function", onProgress);
  if (limits === undefined) return;
  if (typeof limits !== "object" || limits === null) fail("limits to be an object", limits);
  const other = Object.keys(limits).find((name) => !LIMITS.includes(name));
  if (other !== undefined) fail(`limits among ${LIMITS.join(", ")}`, other);
}
