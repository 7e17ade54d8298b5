import { Tensor } from "onnxruntime-common";
import { describe, expect, it } from "vitest";
import { runInChunks } from "../src/towers/run-in-chunks.js";
import type { GraphSession } from "../src/towers/session.js";

/** Doubles its rows, and notes how many it was given at once. */
function doubling(maxTokensPerRun?: number): { session: GraphSession; batches: number[] } {
  const batches: number[] = [];
  return {
    batches,
    session: {
      maxTokensPerRun,
      async run({ x }) {
        const [rows = 0] = x?.dims ?? [];
        batches.push(rows);
        const values = Float32Array.from(x?.data as Float32Array, (value) => 2 * value);
        return { twice: new Tensor("float32", values, x?.dims ?? []), count: new Tensor("float32", new Float32Array(rows), [rows]) };
      },
      dispose: async () => undefined,
    },
  };
}

const rows = (count: number): Tensor =>
  new Tensor(
    "float32",
    Float32Array.from({ length: count * 6 }, (_, i) => i),
    [count, 2, 3],
  );

describe("runInChunks", () => {
  it.each([
    ["a session without a preference takes all", undefined, 8, [8]],
    ["what fits goes in one run", 170, 8, [8]],
    ["equal parts", 51, 8, [2, 3, 3]],
    ["one by one where a row is more than asked for", 5, 3, [1, 1, 1]],
    ["a single row", 5, 1, [1]],
  ])("%s", async (_, maxTokensPerRun, count, expected) => {
    const { session, batches } = doubling(maxTokensPerRun);
    const outputs = await runInChunks(session, { x: rows(count) }, 17);
    expect(batches).toEqual(expected);
    expect(outputs["twice"]?.dims).toEqual([count, 2, 3]);
    expect(outputs["twice"]?.data).toEqual(Float32Array.from({ length: count * 6 }, (__, i) => 2 * i));
    expect(outputs["count"]?.dims).toEqual([count]);
  });

  it("reports the failure of a part", async () => {
    const { session } = doubling(17);
    let left = 2;
    const failing: GraphSession = {
      ...session,
      run: (feeds) => (left-- > 0 ? session.run(feeds) : Promise.reject(new Error("out of memory"))),
    };
    await expect(runInChunks(failing, { x: rows(4) }, 17)).rejects.toThrow("out of memory");
  });
});
