/**
 * What is said of a file by who knows it as a whole: the manifest of a folder, a hub's list, a header. It is what the bytes that come are held to.
 */
import { HubError } from "@chinese-clip/pipeline";

/** What a file should be; undefined where nobody says. */
export interface FileClaim {
  /** Bytes of the whole file. */
  readonly size: number | undefined;
  /** sha256 of the whole file, in hex. */
  readonly sha256: string | undefined;
}

/**
 * A claim as it was read from JSON.
 *
 * @param size - what is no number of bytes says nothing.
 * @param sha256 - what is no sha256 in lower case hex says nothing.
 */
export function parseClaim(size: unknown, sha256: unknown): FileClaim {
  return {
    size: typeof size === "number" && Number.isSafeInteger(size) && size >= 0 ? size : undefined,
    sha256: typeof sha256 === "string" && /^[0-9a-f]{64}$/u.test(sha256) ? sha256 : undefined,
  };
}

/** The error of a file that is not what it is said to be. */
export function claimError(url: string, what: "bytes" | "sha256", expected: number | string, actual: number | string): HubError {
  const [claim, got] = what === "bytes" ? [`${expected} bytes`, `${actual}`] : [`the sha256 ${expected}`, actual];
  return new HubError(
    "integrity",
    `${url}: expected ${claim}, got ${got}: damaged on the way or on the server, or replaced there. Nothing of it is kept; load the model again`,
    { url, expected, actual },
  );
}
