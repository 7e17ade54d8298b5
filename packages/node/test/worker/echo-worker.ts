import { getPriority } from "node:os";
import { Transferred } from "@chinese-clip/pipeline";
import { servePort } from "../../src/worker/worker-port.js";

/** What the tests of the host ask of a worker. */
export type EchoRequest =
  | { readonly type: "echo"; readonly value: unknown; readonly delay?: number }
  | { readonly type: "length"; readonly bytes: Uint8Array }
  | { readonly type: "zeros"; readonly length: number }
  | { readonly type: "throw"; readonly how: "typed" | "builtin" | "value" | "chain" | "cycle" | "uncloneable" }
  | { readonly type: "uncloneable" }
  | { readonly type: "exit"; readonly code: number }
  | { readonly type: "uncaught" }
  | { readonly type: "unhandled" }
  | { readonly type: "allocate" }
  | { readonly type: "aborted" }
  | { readonly type: "priority" };

class PictureError extends Error {
  override readonly name: string = "PictureError";
  readonly code: string = "too-large";
  readonly details: object = { width: 3 };
}

let aborts = 0;

servePort<EchoRequest>({
  echo: async ({ value, delay = 0 }, { signal }) => {
    signal.addEventListener("abort", () => aborts++);
    await new Promise((resolve) => setTimeout(resolve, delay));
    return value;
  },
  length: ({ bytes }) => bytes.length,
  zeros: ({ length }) => {
    const data = new Float32Array(length);
    return new Transferred({ data }, [data.buffer]);
  },
  throw: ({ how }) => {
    if (how === "typed") throw new PictureError("a picture", { cause: new RangeError("the width") });
    if (how === "builtin") throw new TypeError("expected X, got Y");
    if (how === "value") throw "just text";
    if (how === "uncloneable") throw Object.assign(new Error("has a function"), { details: { f: () => 1 }, code: 7 });
    const top: Error = new Error("top");
    top.cause = how === "cycle" ? top : new SyntaxError("middle", { cause: 42 });
    throw top;
  },
  uncloneable: () => () => 1,
  exit: ({ code }) => process.exit(code),
  uncaught: () =>
    new Promise(() => {
      setImmediate(() => {
        throw new Error("nobody catches this");
      });
    }),
  unhandled: () =>
    new Promise(() => {
      void Promise.reject(new Error("nobody handles this"));
    }),
  allocate: () => {
    const kept: unknown[] = [];
    for (;;) kept.push(Array.from({ length: 1000 }, (_, i) => ({ i })));
  },
  aborted: () => aborts,
  priority: () => getPriority(0),
});
