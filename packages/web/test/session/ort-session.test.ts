/** Errors at ONNX Runtime's border, by a runtime that fails on demand. */
import { InferenceError } from "@chinese-clip/pipeline";
import { describe, expect, it } from "vitest";
import { type OrtModule, OrtSession } from "../../src/session/ort-session.js";

/** A runtime whose sessions give what `run` gives. */
function runtime(run: () => unknown, create: () => void = () => undefined): OrtModule {
  return {
    env: { wasm: { numThreads: 1 } },
    Tensor: Array,
    InferenceSession: {
      async create() {
        create();
        return { run: async () => ({ features: await run() }), release: async () => undefined };
      },
    },
  } as unknown as OrtModule;
}

const parts = { model: new Uint8Array(), weights: [], device: "wasm", sessionOptions: undefined } as const;
const tensor = (...values: number[]): unknown => ({
  type: "float32",
  dims: [values.length],
  getData: async () => Float32Array.from(values),
});
const rejection = (promise: Promise<unknown>): Promise<unknown> => promise.then(() => "no rejection", (error: unknown) => error); // prettier-ignore

describe("I18 what ONNX Runtime throws", () => {
  it.each([new Error("no kernel"), 1_234_567, "aborted"])("%s: run-failed, and the next run is answered", async (thrown) => {
    let isBroken = true;
    const session = await OrtSession.create(
      runtime(() => {
        if (isBroken) throw thrown;
        return tensor(1);
      }),
      parts,
    );
    const error = await rejection(session.run({}));
    expect(error).toBeInstanceOf(InferenceError);
    const text = thrown instanceof Error ? thrown.message : String(thrown);
    expect(error).toMatchObject({ code: "run-failed", message: expect.stringContaining(text), cause: thrown });
    isBroken = false;
    expect((await session.run({}))["features"]?.data).toEqual(Float32Array.of(1));
  });

  it("load-failed, where it takes no session", async () => {
    const thrown = new Error("no memory");
    const ort = runtime(
      () => tensor(1),
      () => {
        throw thrown;
      },
    );
    expect(await rejection(OrtSession.create(ort, parts))).toMatchObject({ name: "InferenceError", code: "load-failed", cause: thrown });
  });
});

it.each([Number.NaN, Number.POSITIVE_INFINITY])("I6 an output with %s is an error that names it", async (value) => {
  const session = await OrtSession.create(
    runtime(() => tensor(1, value)),
    parts,
  );
  expect(await rejection(session.run({}))).toMatchObject({ name: "InferenceError", code: "not-finite", details: { output: "features" } });
});
