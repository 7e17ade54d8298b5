/**
 * Assertions that need no test framework.
 */

/** @throws Error - two values whose JSON differs; keys in any order, undefined as null. */
export function equal(actual: unknown, expected: unknown, what = "value"): void {
  const [a, b] = [textOf(actual), textOf(expected)];
  if (a !== b) throw new Error(`${what}: expected ${b}, got ${a}`);
}

/** @throws Error - `call` does not reject with an error of this code. */
export async function expectCode(code: string, call: () => Promise<unknown>): Promise<void> {
  const error = await errorOf(call);
  const found = typeof error === "object" && error !== null && "code" in error ? error.code : undefined;
  if (found !== code) throw new Error(`expected an error with code ${code}, got ${String(error)}`);
}

/** @throws Error - `call` does not reject with an error of this name. */
export async function expectError(name: string, call: () => Promise<unknown>): Promise<void> {
  const error = await errorOf(call);
  if (!(error instanceof Error && error.name === name)) throw new Error(`expected a ${name}, got ${String(error)}`);
}

/** A sorted copy. */
export function sorted(values: readonly string[]): string[] {
  return [...values].sort();
}

/** What `call` rejects with, or throws; undefined where it resolves. */
async function errorOf(call: () => Promise<unknown>): Promise<unknown> {
  try {
    await call();
  } catch (error) {
    return error;
  }
  return undefined;
}

function textOf(value: unknown): string {
  const sort = (_: string, part: unknown): unknown =>
    typeof part === "object" && part !== null && !Array.isArray(part)
      ? Object.fromEntries(Object.entries(part).sort(([a], [b]) => (a < b ? -1 : 1)))
      : part;
  return String(JSON.stringify(value, sort));
}
