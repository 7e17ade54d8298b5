/** Segments of a stream: the same bytes, cut at multiples of 4 MiB. */
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { SegmentWriter } from "../../src/cache/segment-writer.js";

const SEGMENT = 1 << 22;

describe("SegmentWriter", () => {
  it("passes all bytes on, in order, in segments that end at multiples of 4 MiB", async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.nat(2 * SEGMENT),
        fc.array(fc.integer({ min: 0, max: 3 * SEGMENT }), { maxLength: 4 }),
        async (start, lengths) => {
          const segments: { readonly start: number; readonly length: number; readonly first: number | undefined }[] = [];
          const writer = new SegmentWriter(start, async (at, bytes) => {
            segments.push({ start: at, length: bytes.length, first: bytes[0] });
          });
          let position = start;
          for (const length of lengths) {
            const chunk = new Uint8Array(length).fill(position % 251);
            await writer.write(chunk);
            position += length;
            expect(writer.position).toBe(position);
          }
          await writer.flush();
          await writer.flush();
          let next = start;
          for (const { start: at, length } of segments) {
            expect(at).toBe(next);
            expect(length).toBeGreaterThan(0);
            expect(Math.floor(at / SEGMENT)).toBe(Math.floor((at + length - 1) / SEGMENT));
            next += length;
          }
          expect(next).toBe(position);
        },
      ),
      { numRuns: 8 },
    );
  });

  it("drops what is pending when it continues elsewhere", async () => {
    const segments: [number, number[]][] = [];
    const writer = new SegmentWriter(100, async (at, bytes) => void segments.push([at, [...bytes]]));
    await writer.write(Uint8Array.of(1, 2, 3));
    writer.restart(0);
    await writer.write(Uint8Array.of(7, 8));
    await writer.flush();
    expect(segments).toEqual([[0, [7, 8]]]);
  });

  it("ends the stream when a segment cannot be stored", async () => {
    const writer = new SegmentWriter(0, async () => {
      throw new Error("full");
    });
    await expect(writer.write(new Uint8Array(SEGMENT))).rejects.toThrow("full");
  });
});
