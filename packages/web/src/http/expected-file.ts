/**
 * A file's expected size and SHA-256, as a folder's manifest, a hub's listing or a response header says them; what is received is checked
 * against these.
 */
import { HubError } from "@chinese-clip/pipeline";

/** What a file should be; undefined where it is not known. */
export interface ExpectedFile {
  /** Bytes of the whole file. */
  readonly size: number | undefined;
  /** SHA-256 of the whole file, in lower case hex. */
  readonly sha256: string | undefined;
}

/** Reads an expectation from JSON values. A value that is no byte count, or no SHA-256 in lower case hex, becomes undefined. */
export function parseExpectedFile(size: unknown, sha256: unknown): ExpectedFile {
  return {
    size: typeof size === "number" && Number.isSafeInteger(size) && size >= 0 ? size : undefined,
    sha256: typeof sha256 === "string" && /^[0-9a-f]{64}$/u.test(sha256) ? sha256 : undefined,
  };
}

/** The error for a file that differs from what is expected. */
export function mismatchError(url: string, what: "bytes" | "sha256", expected: number | string, actual: number | string): HubError {
  const [claim, got] = what === "bytes" ? [`${expected} bytes`, `${actual}`] : [`the sha256 ${expected}`, actual];
  return new HubError(
    "integrity",
    `${url}: expected ${claim}, got ${got}: the file was damaged in transit or on the server, or replaced there. Nothing of it is cached; load the model again`,
    { url, expected, actual },
  );
}
