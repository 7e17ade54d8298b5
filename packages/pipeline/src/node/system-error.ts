/**
 * Errors of the operating system, recognised by their fields: under Jest and in Vitest's vm pools Node's own errors are of another realm, where
 * `instanceof Error` is false.
 */

/**
 * The code of a system error such as `"ENOENT"`, or undefined for anything else that was thrown.
 *
 * @param syscall - only errors of this system call count. Default: any.
 */
export function systemErrorCode(error: unknown, syscall?: string): string | undefined {
  if (typeof error !== "object" || error === null || !("syscall" in error && "code" in error)) return undefined;
  if (syscall !== undefined && error.syscall !== syscall) return undefined;
  return typeof error.code === "string" ? error.code : undefined;
}

/** Whether an error says that nothing is at a path: no such entry, or a file where the path has a folder. */
export function isAbsent(error: unknown): boolean {
  return ["ENOENT", "ENOTDIR"].includes(systemErrorCode(error) ?? "");
}
