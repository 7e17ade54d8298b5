import { readFileSync } from "node:fs";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import createWabt from "wabt";
import { INT8_KERNEL_BYTES } from "../../src/top-k/int8-kernel-bytes.js";
import { RowScorer } from "../../src/top-k/score-kernel.js";
import { SCORE_KERNEL_BYTES } from "../../src/top-k/score-kernel-bytes.js";
import { scoreRows, TopRows } from "../../src/top-k/top-rows.js";

/** Any float32, not a number and infinities among them. */
const values = (length: number): fc.Arbitrary<Float32Array> => fc.float32Array({ minLength: length, maxLength: length });

describe("the scoring kernel", () => {
  it.each([
    ["score", SCORE_KERNEL_BYTES],
    ["int8", INT8_KERNEL_BYTES],
  ])("is what its source says: %s.wat", async (name, bytes) => {
    const wabt = await createWabt();
    const module = wabt.parseWat(name, readFileSync(new URL(`../../wasm/${name}.wat`, import.meta.url), "utf8"), { simd: true });
    expect(Buffer.from(module.toBinary({}).buffer).toString("base64")).toBe(bytes);
  });

  it("scores as the loop in JavaScript, to the last bit", () => {
    const problems = fc
      .record({ rows: fc.integer({ min: 1, max: 9 }), dim: fc.integer({ min: 1, max: 40 }) })
      .chain(({ rows, dim }) => fc.record({ data: values(rows * dim), query: values(dim), turn: fc.constantFrom(0 as const, 1 as const) }));
    fc.assert(
      fc.property(problems, ({ data, query, turn }) => {
        const rows = data.length / query.length;
        const [plain, fast] = [new TopRows(rows), new TopRows(rows)];
        scoreRows(data, 5, query, plain);
        const scorer = new RowScorer(query, rows + 1);
        scorer.buffers[turn].set(data);
        scorer.offer(scorer.buffers[turn].subarray(0, data.length), 5, fast);
        expect(fast.sorted()).toEqual(plain.sorted());
      }),
      { numRuns: 500 },
    );
  });

  it("does without WebAssembly", () => {
    const engine = Object.getOwnPropertyDescriptor(globalThis, "WebAssembly") as PropertyDescriptor;
    Reflect.deleteProperty(globalThis, "WebAssembly");
    try {
      const scorer = new RowScorer(Float32Array.of(1, 2), 2);
      scorer.buffers[1].set([1, 1, 3, 4]);
      const best = new TopRows(2);
      scorer.offer(scorer.buffers[1], 0, best);
      expect(best.sorted()).toEqual([
        { row: 1, score: 11 },
        { row: 0, score: 3 },
      ]);
    } finally {
      Object.defineProperty(globalThis, "WebAssembly", engine);
    }
  });
});
