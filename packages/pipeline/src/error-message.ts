/**
 * Whatever was thrown, as text. Recognised by its fields: an error of another realm (Jest, Vitest's vm pools, an iframe) is no `instanceof Error`.
 */

/** Whether a value has what an `Error` has, whichever realm made it. */
export function isError(value: unknown): value is Error {
  return (
    typeof value === "object" &&
    value !== null &&
    "name" in value &&
    "message" in value &&
    typeof value.name === "string" &&
    typeof value.message === "string"
  );
}

/** An error's message; anything else as a string. */
export function errorMessage(thrown: unknown): string {
  return isError(thrown) ? thrown.message : String(thrown);
}
