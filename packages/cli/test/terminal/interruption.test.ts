import { EventEmitter } from "node:events";
import { afterEach, beforeEach, expect, it, vi } from "vitest";
import { Interruption } from "../../src/terminal/interruption.js";

class FakeProcess extends EventEmitter {
  readonly exits: number[] = [];
  exit(code: number): void {
    this.exits.push(code);
  }
}

beforeEach(() => void vi.useFakeTimers());
afterEach(() => void vi.useRealTimers());

it("the first signal aborts, the second one ends the process at once", () => {
  const [target, notes] = [new FakeProcess(), [] as string[]];
  const interruption = new Interruption(target, (signal) => notes.push(signal));
  expect(interruption.exitCode).toBeUndefined();
  target.emit("SIGTERM");
  expect(interruption.signal.aborted).toBe(true);
  expect(interruption.exitCode).toBe(143);
  expect(notes).toEqual(["SIGTERM"]);
  expect(target.exits).toEqual([]);
  target.emit("SIGINT");
  expect(target.exits).toEqual([130]);
  expect(notes).toHaveLength(1);
});

it("a command that does not end on the first signal is ended", () => {
  const target = new FakeProcess();
  const interruption = new Interruption(target, () => {});
  target.emit("SIGHUP");
  vi.advanceTimersByTime(7999);
  expect(target.exits).toEqual([]);
  vi.advanceTimersByTime(1);
  expect(target.exits).toEqual([129]);
  expect(interruption.exitCode).toBe(129);
});
