import { PassThrough } from "node:stream";
import { afterEach, describe, expect, it, vi } from "vitest";
import { standardInput } from "../../src/input/standard-input.js";

afterEach(() => vi.restoreAllMocks());

describe("standardInput", () => {
  it.each(["before it is asked for", "before it is read"])("interrupted %s: fails where it is read, and nowhere else", async (moment) => {
    vi.spyOn(process, "stdin", "get").mockReturnValue(new PassThrough() as unknown as typeof process.stdin);
    const controller = new AbortController();
    if (moment === "before it is asked for") controller.abort();
    const input = standardInput(controller);
    controller.abort();
    await new Promise(setImmediate); // an error that nobody listens to would be thrown here
    await expect(input.toArray()).rejects.toMatchObject({ name: "AbortError" });
  });
});
