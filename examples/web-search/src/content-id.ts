/** What tells images apart, whatever their files are called. */

/** SHA-256 of a file, in hexadecimal; undefined where it cannot be read. */
export async function idOf(file: File): Promise<string | undefined> {
  const bytes = await file.arrayBuffer().catch(() => undefined);
  if (bytes === undefined) return undefined;
  const hash = new Uint8Array(await crypto.subtle.digest("SHA-256", bytes));
  return Array.from(hash, (byte) => byte.toString(16).padStart(2, "0")).join("");
}
