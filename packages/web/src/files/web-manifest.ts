/**
 * `manifest.json` of a folder that `exportWeb` of `@chinese-clip/node` wrote: what its weights are in each number format, and what the parts of
 * each file hash to.
 */
import { CheckpointError } from "@chinese-clip/model";
import type { PartHashes } from "./remote-file.js";

const MANIFEST = "manifest.json";
/** What it says it is. */
const FORMAT = "chinese-clip-web";

/** A folder made for the web. */
export interface WebManifest {
  /** Number format -> the index of the weights in it, best first. */
  readonly weights: ReadonlyMap<string, string>;
  /** Name -> its size, and what its parts hash to. */
  readonly files: ReadonlyMap<string, { readonly size: number; readonly hashes: PartHashes }>;
}

/**
 * @returns undefined for another program's manifest, such as a web app's.
 * @throws CheckpointError - `malformed`.
 */
export function parseWebManifest(text: string): WebManifest | undefined {
  let json: unknown;
  try {
    json = JSON.parse(text);
  } catch {
    return undefined;
  }
  const { format, version, weights, files } = fieldsOf(json);
  if (format !== FORMAT) return undefined;
  if (version !== 1) throw malformed(`version 1, got ${JSON.stringify(version)}; a newer @chinese-clip/web reads it`);
  const indices = Object.entries(fieldsOf(weights)).map(([dtype, index]): [string, string] => {
    if (typeof index !== "string") throw malformed(`a file's name for the weights in ${dtype}`);
    return [dtype, index];
  });
  if (indices.length === 0) throw malformed("weights");
  return {
    weights: new Map(indices),
    files: new Map(Object.entries(fieldsOf(files)).map(([name, file]) => [name, parseFile(name, file)])),
  };
}

function parseFile(name: string, json: unknown): { size: number; hashes: PartHashes } {
  const { size, headBytes, partBytes, parts } = fieldsOf(json);
  if (!isCount(size) || !isCount(headBytes) || !isCount(partBytes) || partBytes === 0)
    throw malformed(`size, headBytes and partBytes of ${name} to be whole numbers`);
  const count = (headBytes === 0 ? 0 : 1) + Math.ceil(Math.max(0, size - headBytes) / partBytes);
  if (
    !Array.isArray(parts) ||
    parts.length !== count ||
    headBytes === 0 ||
    headBytes > size ||
    !parts.every((part) => typeof part === "string")
  )
    throw malformed(`${count} hashes for the ${size} bytes of ${name}`);
  return { size, hashes: { grid: { head: headBytes, size: partBytes }, sha256: parts } };
}

function fieldsOf(value: unknown): Readonly<Record<string, unknown>> {
  return typeof value === "object" && value !== null && !Array.isArray(value) ? (value as Record<string, unknown>) : {};
}

function isCount(value: unknown): value is number {
  return Number.isSafeInteger(value) && (value as number) >= 0;
}

function malformed(expected: string): CheckpointError {
  return new CheckpointError("malformed", `${MANIFEST}: expected ${expected}`, { file: MANIFEST });
}
