import { describe, expect, it } from "vitest";
import { type MemoryPlan, planMemory } from "../src/node/memory-plan.js";
import type { TrainingError } from "../src/training-error.js";
import { tinyModel } from "./fixtures.js";

const { text, vision, config } = await tinyModel("tiny-vit");
const SETTINGS = { towers: { text, vision }, batch: 24, sequence: 9, projection: config.projectionDim };

function plan(given: { chunk?: number; blocks?: boolean; memory?: number }): MemoryPlan {
  const { chunk, blocks, memory } = given;
  return planMemory(SETTINGS, { chunk, blocks, memory }, (batch) => ({ inputs: batch * 1e6, frozen: 0 }));
}

const MB = 1e6;

describe("planMemory", () => {
  const whole = plan({ memory: 1e12 });
  const inBlocks = plan({ memory: 1e12, blocks: true });
  const smallest = plan({ memory: 1e12, blocks: true, chunk: 1 });

  it("takes one graph where it fits, and blocks where they are asked for", () => {
    expect([whole.blocks, whole.chunk, inBlocks.blocks, inBlocks.chunk]).toEqual([false, 24, true, 24]);
  });

  it("keeps no states in one graph, and less alive in smaller chunks", () => {
    expect(whole.estimate.states).toBe(0);
    expect(inBlocks.estimate.running).toBeLessThan(whole.estimate.running);
    expect(smallest.estimate.running).toBeLessThan(inBlocks.estimate.running);
    expect(whole.estimate.parameters).toBe(inBlocks.estimate.parameters);
  });

  it("takes what is free by itself", () => {
    const { memory, estimate } = plan({});
    expect(memory).toBeGreaterThan(100 * MB);
    expect(estimate.total).toBeLessThan(memory);
  });

  it("says which batch would fit", () => {
    const totals = [whole, inBlocks, ...[12, 6, 3, 1].map((chunk) => plan({ memory: 1e12, blocks: true, chunk }))];
    const memory = Math.min(...totals.map(({ estimate }) => estimate.total)) - 3 * MB;
    let error = new Error("planned") as TrainingError;
    try {
      plan({ memory });
    } catch (thrown) {
      error = thrown as TrainingError;
    }
    expect(error.message).toContain("a step of 24 pairs takes at least");
    expect(error).toMatchObject({ code: "not-enough-memory", details: { batch: 24 } });
    const { fittingBatch = Number.NaN, fittingChunk, fittingMemory } = error.details as Record<string, number>;
    expect(fittingBatch).toBeLessThan(24);
    const fitting = planMemory({ ...SETTINGS, batch: fittingBatch }, { chunk: fittingChunk, blocks: true, memory }, (batch) => ({ inputs: batch * 1e6, frozen: 0 })); // prettier-ignore
    expect(Math.ceil(fitting.estimate.total / MB)).toBe(fittingMemory);
  });

  it("says that none would", () => {
    expect(() => plan({ memory: 10 * MB })).toThrow("whatever its batch, and 10 MB are free for it");
  });
});
