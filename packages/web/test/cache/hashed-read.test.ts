/** A file's hash, from cached segments and downloads in any mixture. */
import { createHash } from "node:crypto";
import fc from "fast-check";
import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import { readHashed, sha256Hex } from "../../src/cache/hashed-read.js";
import { coalesce, copyInto } from "../../src/http/byte-ranges.js";

const file = Uint8Array.from({ length: 97 }, (_, i) => (i * 37) % 256);
const expected = createHash("sha256").update(file).digest("hex");

// A page that is neither https nor localhost has no `crypto.subtle`.
describe.each([true, false])("readHashed, with the browser's own SHA-256: %s", (isSecure) => {
  beforeEach(() => {
    if (!isSecure) vi.stubGlobal("crypto", {});
  });
  afterEach(() => vi.unstubAllGlobals());

  it("is the file's SHA-256 whichever segments are there, evicted or overlapping", async () => {
    const segments = fc.array(fc.record({ start: fc.nat(96), length: fc.integer({ min: 1, max: 30 }), isEvicted: fc.boolean() }), {
      maxLength: 6,
    });
    await fc.assert(
      fc.asyncProperty(segments, fc.boolean(), async (list, sendsWhole) => {
        const present = list
          .map(({ start, length, isEvicted }) => ({ start, end: Math.min(97, start + length), isEvicted }))
          .sort((a, b) => a.start - b.start);
        const read = new Uint8Array(97);
        const hash = await readHashed(
          97,
          present,
          async (range) => (present.find((one) => one === range)?.isEvicted === true ? undefined : file.slice(range.start, range.end)),
          async ({ start, end }, sink) => (sendsWhole ? sink(0, file) : sink(start, file.slice(start, end))),
          (at, bytes) => copyInto(read, 0, at, bytes),
        );
        expect(hash).toBe(expected);
        expect(read).toEqual(file);
      }),
    );
  });

  it("differs for other bytes", async () => {
    const hash = await readHashed(
      97,
      coalesce([{ start: 0, end: 97 }], 0),
      async () => file.map((byte, i) => (i === 50 ? byte ^ 1 : byte)),
      async () => undefined,
      () => undefined,
    );
    expect(hash).not.toBe(expected);
  });
});

describe("sha256Hex", () => {
  it("agrees with Node's", () => {
    expect(sha256Hex(file)).toBe(expected);
  });
});
