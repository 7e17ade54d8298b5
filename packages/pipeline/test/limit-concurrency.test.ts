import { describe, expect, it } from "vitest";
import { limitConcurrency } from "../src/index.js";

/** A task that ends when it is told to, and that says when it has begun. */
function task(begun: number[], name: number): { run: () => Promise<number>; end: (error?: Error) => void } {
  let end: (error?: Error) => void = () => undefined;
  const ended = new Promise<number>((resolve, reject) => {
    end = (error) => (error === undefined ? resolve(name) : reject(error));
  });
  const run = (): Promise<number> => {
    begun.push(name);
    return ended;
  };
  return { run, end };
}

const settle = (): Promise<void> => new Promise((resolve) => setImmediate(resolve));

describe("limitConcurrency", () => {
  it("runs so many at once, in the order in which they came, and hands a place on also after a failure", async () => {
    const begun: number[] = [];
    const tasks = [0, 1, 2, 3].map((name) => task(begun, name));
    const inTurn = limitConcurrency(2);
    const results = tasks.map(({ run }) => inTurn(run).catch(String));
    await settle();
    expect(begun).toEqual([0, 1]);
    tasks[1]?.end(new Error("broken"));
    await settle();
    expect(begun).toEqual([0, 1, 2]);
    tasks[0]?.end();
    const late = task(begun, 4);
    const last = inTurn(late.run);
    await settle();
    expect(begun).toEqual([0, 1, 2, 3]); // the newcomer waits behind those who came before it
    for (const { end } of [...tasks.slice(2), late]) end();
    expect(await Promise.all([...results, last])).toEqual([0, "Error: broken", 2, 3, 4]);
  });
});
