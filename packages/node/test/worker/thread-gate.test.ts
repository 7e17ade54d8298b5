import { Worker } from "node:worker_threads";
import { describe, expect, it } from "vitest";
import { ThreadGate } from "../../src/worker/thread-gate.js";

describe("a gate", () => {
  it("lets one through after the other, also after one that failed", async () => {
    const gate = new ThreadGate();
    let inside = 0;
    const work = async (fails: boolean): Promise<string> => {
      expect(++inside).toBe(1);
      await new Promise((resolve) => setImmediate(resolve));
      inside--;
      if (fails) throw new Error("failed");
      return "done";
    };
    const results = await Promise.allSettled([gate.pass(() => work(false)), gate.pass(() => work(true)), gate.pass(() => work(false))]);
    expect(results.map(({ status }) => status)).toEqual(["fulfilled", "rejected", "fulfilled"]);
  });

  it("lets nobody through once it is closed", async () => {
    const gate = new ThreadGate();
    gate.close();
    let passed = false;
    void gate.pass(() => Promise.resolve((passed = true)));
    await new Promise((resolve) => setImmediate(resolve));
    expect(passed).toBe(false);
  });

  it("closes when the thread has come out", async () => {
    const gate = new ThreadGate();
    const left = new Int32Array(new SharedArrayBuffer(4));
    const state = new Int32Array(gate.state);
    Atomics.store(state, 0, 1); // inside
    const worker = new Worker(
      `const { workerData: { state, left } } = require("node:worker_threads");
       setTimeout(() => { Atomics.store(left, 0, 1); Atomics.store(state, 0, 0); Atomics.notify(state, 0); }, 100);`,
      { eval: true, workerData: { state, left } },
    );
    gate.close();
    expect(Atomics.load(left, 0)).toBe(1);
    await worker.terminate();
  });
});
