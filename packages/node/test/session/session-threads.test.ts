/**
 * How many threads a session computes with, counted in `/proc`. In a file, and so a process, of its own: other sessions' threads come and go.
 */
import { readdir } from "node:fs/promises";
import { fileURLToPath } from "node:url";
import { expect, it } from "vitest";
import { ChineseCLIPModel, Tensor } from "../../dist/index.js";
import { processorCores } from "../../src/session/processor-cores.js";

const DEMO = fileURLToPath(new URL("../../../../examples/demo-checkpoint", import.meta.url));

it.skipIf(process.platform !== "linux")("is one for each core, unless a number is given", async () => {
  const models: ChineseCLIPModel[] = [];
  const threadsOf = async (options: { readonly numThreads?: number }): Promise<number> => {
    const before = (await readdir("/proc/self/task")).length;
    const model = await ChineseCLIPModel.fromPretrained(DEMO, options);
    await model.getTextFeatures({ inputIds: new Tensor("int64", new BigInt64Array(4).fill(5n), [1, 4]) });
    models.push(model);
    return (await readdir("/proc/self/task")).length - before;
  };
  await threadsOf({}); // and Node's and libuv's own
  const [one, three, byDefault] = [await threadsOf({ numThreads: 1 }), await threadsOf({ numThreads: 3 }), await threadsOf({})];
  await Promise.all(models.map((model) => model.dispose()));
  expect(three - one).toBe(2);
  expect(byDefault - one).toBe((processorCores() ?? Number.NaN) - 1);
});
