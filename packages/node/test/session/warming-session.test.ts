import type { GraphSession } from "@chinese-clip/model";
import { Tensor } from "onnxruntime-common";
import { describe, expect, it } from "vitest";
import { WarmingSession } from "../../src/session/warming-session.js";

/** A session that says its name, and which of them are alive. */
class NamedSession implements GraphSession {
  runs = 0;
  isDisposed = false;
  readonly #name: string;

  constructor(name: string) {
    this.#name = name;
  }

  async run(): Promise<Record<string, Tensor>> {
    this.runs++;
    await Promise.resolve();
    if (this.isDisposed) throw new Error(`${this.#name} was disposed of`);
    return { name: new Tensor("string", [this.#name], [1]) };
  }

  dispose(): Promise<void> {
    this.isDisposed = true;
    return Promise.resolve();
  }
}

const nameOf = async (session: GraphSession): Promise<unknown> => (await session.run({}))["name"]?.data[0];

describe("a warming session", () => {
  it("answers from the unpacked one until the packed one is ready, and lets the first finish", async () => {
    const [unpacked, packed] = [new NamedSession("unpacked"), new NamedSession("packed")];
    let ready: (session: GraphSession) => void = () => undefined;
    const session = new WarmingSession(unpacked, () => new Promise((resolve) => (ready = resolve)), 0);
    expect(await nameOf(session)).toBe("unpacked");
    expect(await nameOf(session)).toBe("unpacked");
    const last = nameOf(session);
    ready(packed);
    expect(await last).toBe("unpacked");
    expect(await nameOf(session)).toBe("packed");
    expect(unpacked.isDisposed).toBe(true);
    await session.dispose();
    expect(packed.isDisposed).toBe(true);
  });

  it("never packs for less work than that is worth", async () => {
    const session = new WarmingSession(new NamedSession("unpacked"), () => Promise.reject(new Error("packed")), Infinity);
    for (let i = 0; i < 5; i++) expect(await nameOf(session)).toBe("unpacked");
    await session.dispose();
  });

  it("goes on with the unpacked one where there is no memory for another, and tries once", async () => {
    let tries = 0;
    const session = new WarmingSession(new NamedSession("unpacked"), () => Promise.reject(new Error(`try ${++tries}`)), 0);
    for (let i = 0; i < 5; i++) expect(await nameOf(session)).toBe("unpacked");
    expect(tries).toBe(1);
    await session.dispose();
  });

  it("disposes of both when one is being packed", async () => {
    const [unpacked, packed] = [new NamedSession("unpacked"), new NamedSession("packed")];
    let ready: (session: GraphSession) => void = () => undefined;
    const session = new WarmingSession(unpacked, () => new Promise((resolve) => (ready = resolve)), 0);
    await session.run({});
    const disposed = session.dispose();
    ready(packed);
    await disposed;
    expect([unpacked.isDisposed, packed.isDisposed]).toEqual([true, true]);
  });
});
