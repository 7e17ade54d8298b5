/** A run's settings as a file has them, which another version or somebody else may have written. */

/** Settings as text by name. @returns undefined for what are none. */
export function textsOf(settings: unknown): Readonly<Record<string, string>> | undefined {
  if (typeof settings !== "object" || settings === null) return undefined;
  const entries = Object.entries(settings as Readonly<Record<string, unknown>>);
  if (!entries.every(([, value]) => ["string", "number", "boolean"].includes(typeof value))) return undefined;
  return Object.fromEntries(entries.map(([name, value]) => [name, String(value)]));
}
