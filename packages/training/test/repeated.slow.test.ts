import type { TrainingRuntime } from "@chinese-clip/model";
import { createTrainingRuntime } from "@chinese-clip/node";
import { afterAll, expect, it } from "vitest";
import { tinyModel } from "./fixtures.js";
import { type Case, goldenRun, type Plan } from "./golden-run.js";

const model = await tinyModel("tiny-vit");
const runtime: TrainingRuntime = createTrainingRuntime({ numThreads: 2 });
afterAll(() => runtime.dispose());

/** A race between threads shows in a part of the runs only. */
const RUNS = 10;

it.each<[Case, Plan]>([
  ["both", {}],
  ["frozen-vision", { blocks: true }],
])(
  `trains ${RUNS} times with two threads to the same bits (%s, %j)`,
  async (kind, plan) => {
    const first = await goldenRun(runtime, model, kind, plan);
    for (let run = 1; run < RUNS; run++) {
      const { losses, parameters } = await goldenRun(runtime, model, kind, plan);
      expect(losses).toEqual(first.losses);
      for (const [name, values] of parameters) expect(values, name).toEqual(first.parameters.get(name));
    }
  },
  300_000,
);
