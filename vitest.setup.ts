/**
 * Typed arrays that have the same bytes are equal without a look at each element: `toEqual` took a second of processor time for the 150,000 numbers of
 * one image. Where the bytes differ, vitest compares as ever, and shows the difference.
 */
import { statSync } from "node:fs";
import { tmpdir } from "node:os";
import { afterAll, expect } from "vitest";

function bytesOf({ buffer, byteOffset, byteLength }: ArrayBufferView): Uint8Array {
  return new Uint8Array(buffer, byteOffset, byteLength);
}

expect.addEqualityTesters([
  (a: unknown, b: unknown) =>
    ArrayBuffer.isView(a) && ArrayBuffer.isView(b) && a.constructor === b.constructor && Buffer.compare(bytesOf(a), bytesOf(b)) === 0
      ? true
      : undefined,
]);

// The default run's files share a process, and Node resolves a module by what its last synchronous `stat` was of: a named pipe that a file's end
// removed would keep the next file's modules from being found (`forgetPipe` in the pipeline's staging).
afterAll(() => void statSync(tmpdir()));
