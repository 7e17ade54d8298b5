import { execFile } from "node:child_process";
import { writeFile } from "node:fs/promises";
import { getPriority, platform } from "node:os";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";
import { beforeAll, describe, expect, it } from "vitest";
import { WorkerError } from "@chinese-clip/pipeline";
import { WorkerHost } from "../../src/worker/worker-host.js";
import { buildWorker } from "./build-worker.js";
import type { EchoRequest } from "./echo-worker.js";

class PictureError extends Error {
  override readonly name: string = "PictureError";
  readonly code: unknown;
  readonly details: unknown;
  constructor(message: string, fields: { code: unknown; details: unknown; cause: unknown }) {
    super(message, { cause: fields.cause });
    this.code = fields.code;
    this.details = fields.details;
  }
}

let url: URL;
beforeAll(async () => {
  url = await buildWorker("echo-worker", new URL("./echo-worker.ts", import.meta.url));
}, 60_000);

/** Runs `use` with a host that is disposed of afterwards, whatever happens. */
async function withHost(use: (host: WorkerHost<EchoRequest>) => Promise<void>): Promise<void> {
  const host = new WorkerHost<EchoRequest>(url, {
    name: "echo",
    resourceLimits: { maxOldGenerationSizeMb: 32 },
    reviveError: { PictureError: (message, fields) => new PictureError(message, fields) },
  });
  try {
    await use(host);
  } finally {
    await host.dispose();
  }
}

const failure = (promise: Promise<unknown>): Promise<Error> =>
  promise.then(
    () => {
      throw new Error("expected a rejection");
    },
    (error: Error) => error,
  );

describe("calls", () => {
  it("answers any number of calls at once, each with its own answer", () =>
    withHost(async (host) => {
      const calls = Array.from({ length: 200 }, (_, value) => host.call<number>({ type: "echo", value, delay: (value * 7) % 20 }));
      expect(host.pending).toBe(200);
      expect(await Promise.all(calls)).toEqual(Array.from({ length: 200 }, (_, value) => value));
      expect(host.pending).toBe(0);
    }));

  it.runIf(platform() === "linux")("computes at a lower priority than the event loop's, which keeps its own", () =>
    withHost(async (host) => {
      const own = getPriority(0);
      expect(await host.call({ type: "priority" })).toBe(Math.min(19, own + 5));
      expect(getPriority(0)).toBe(own);
    }),
  );

  it("moves buffers both ways", () =>
    withHost(async (host) => {
      const bytes = new Uint8Array(1000);
      const answer = host.call<number>({ type: "length", bytes }, [bytes.buffer]);
      expect(bytes.length).toBe(0);
      expect(await answer).toBe(1000);
      const { data } = await host.call<{ data: Float32Array }>({ type: "zeros", length: 12 });
      expect(data).toEqual(new Float32Array(12));
    }));

  it("rejects what cannot be cloned, in either direction, and goes on", () =>
    withHost(async (host) => {
      expect((await failure(host.call({ type: "echo", value: () => 1 }))).name).toBe("DataCloneError");
      expect((await failure(host.call({ type: "uncloneable" }))).name).toBe("DataCloneError");
      expect(host.pending).toBe(0);
      expect(await host.call({ type: "echo", value: 1 })).toBe(1);
    }));

  it("says which handler is missing", () =>
    withHost(async (host) => {
      for (const type of ["nothing", "toString", "__proto__"]) {
        const error = await failure(
          // @ts-expect-error -- not a request of this worker
          host.call({ type }),
        );
        expect(error).toBeInstanceOf(TypeError);
        expect(error.message).toContain(type);
      }
    }));

  it("types requests by the worker's protocol", () => {
    const host = new WorkerHost<EchoRequest>(url);
    // @ts-expect-error -- not a request of this worker
    void (() => host.call({ type: "sing" }));
    // @ts-expect-error -- a field is missing
    void (() => host.call({ type: "zeros" }));
    return host.dispose();
  });
});

describe("errors", () => {
  it("revives typed errors with code, details and cause", () =>
    withHost(async (host) => {
      const error = await failure(host.call({ type: "throw", how: "typed" }));
      expect(error).toBeInstanceOf(PictureError);
      expect(error).toMatchObject({ message: "a picture", code: "too-large", details: { width: 3 } });
      expect(error.cause).toBeInstanceOf(RangeError);
      expect(error.stack).toContain("echo-worker");
    }));

  it("keeps built-in classes, thrown values and chains of causes", () =>
    withHost(async (host) => {
      expect(await failure(host.call({ type: "throw", how: "builtin" }))).toEqual(new TypeError("expected X, got Y"));
      expect(await failure(host.call({ type: "throw", how: "value" }))).toMatchObject({ name: "Error", message: "just text" });
      const top = await failure(host.call({ type: "throw", how: "chain" }));
      expect(top.cause).toBeInstanceOf(SyntaxError);
      expect(top.cause).toMatchObject({ message: "middle", cause: "42" });
      expect(await failure(host.call({ type: "throw", how: "cycle" }))).toMatchObject({ message: "top" });
      expect(await failure(host.call({ type: "throw", how: "uncloneable" }))).toMatchObject({ message: "has a function", code: 7 });
    }));
});

describe("abort", () => {
  it("rejects with the signal's reason and tells the worker", () =>
    withHost(async (host) => {
      const controller = new AbortController();
      const reason = new Error("not needed");
      const slow = host.call({ type: "echo", value: 1, delay: 200 }, [], controller.signal);
      const other = host.call({ type: "echo", value: 2, delay: 10 });
      controller.abort(reason);
      expect(await failure(slow)).toBe(reason);
      expect(await other).toBe(2);
      expect(await host.call({ type: "aborted" })).toBe(1);
    }));

  it("does not start a thread for a signal already aborted", () =>
    withHost(async (host) => {
      const error = await failure(host.call({ type: "echo", value: 1 }, [], AbortSignal.abort()));
      expect(error.name).toBe("AbortError");
      expect(host.pending).toBe(0);
    }));
});

describe("crashes", () => {
  const CRASHES: readonly [EchoRequest, RegExp][] = [
    [{ type: "exit", code: 3 }, /^echo thread crashed: exit code 3$/],
    [{ type: "exit", code: 0 }, /^echo thread crashed: exit code 0$/],
    [{ type: "uncaught" }, /^echo thread crashed: nobody catches this$/],
    [{ type: "unhandled" }, /^echo thread crashed: nobody handles this$/],
    [{ type: "allocate" }, /^echo thread crashed: .*memory/],
  ];

  it.each(CRASHES)("%j rejects everything pending, and the next call starts again", (crash, message) =>
    withHost(async (host) => {
      const bystander = failure(host.call({ type: "echo", value: 1, delay: 100_000 }));
      const error = await failure(host.call(crash));
      expect(error).toBeInstanceOf(WorkerError);
      expect(error).toMatchObject({ code: "crashed" });
      expect(error.message).toMatch(message);
      expect(await bystander).toBe(error);
      expect(host.pending).toBe(0);
      expect(await host.call({ type: "echo", value: "again" })).toBe("again");
    }),
  );

  it("reports an entry file that is missing, at every call", async () => {
    const host = new WorkerHost(new URL("./nothing-here.js", url));
    for (let i = 0; i < 2; i++) {
      expect(await failure(host.call({ type: "echo" }))).toMatchObject({
        code: "crashed",
        message: expect.stringContaining("nothing-here.js"),
      });
    }
    await host.dispose();
  });
});

describe("dispose", () => {
  it("rejects what is pending and everything later, and is idempotent", () =>
    withHost(async (host) => {
      await host.call({ type: "echo", value: 1 });
      const pending = failure(host.call({ type: "echo", value: 1, delay: 100_000 }));
      const done = host.dispose();
      expect(host.dispose()).toBe(done);
      expect(await pending).toMatchObject({ name: "WorkerError", code: "disposed" });
      await done;
      expect(await failure(host.call({ type: "echo", value: 1 }))).toMatchObject({ code: "disposed" });
    }));

  it("does nothing for a host that never started", async () => {
    await new WorkerHost(url).dispose();
  });
});

describe("the process", () => {
  const run = promisify(execFile);

  it("exits by itself with an idle worker, and waits for a busy one", async () => {
    const host = await buildWorker("worker-host", new URL("../../src/worker/worker-host.ts", import.meta.url));
    const script = new URL("./exits.mjs", host);
    await writeFile(
      script,
      `import { WorkerHost } from ${JSON.stringify(host.href)};
       const host = new WorkerHost(new URL(${JSON.stringify(url.href)}));
       console.log(await host.call({ type: "echo", value: "first" }));
       host.call({ type: "echo", value: "second", delay: 300 }).then(console.log);`,
    );
    const { stdout } = await run(process.execPath, [fileURLToPath(script)], { timeout: 20_000 });
    expect(stdout).toBe("first\nsecond\n");
  });

  it("starts threads from a process run with --input-type", async () => {
    const host = await buildWorker("worker-host-eval", new URL("../../src/worker/worker-host.ts", import.meta.url));
    const code = `import { WorkerHost } from ${JSON.stringify(host.href)};
      console.log(await new WorkerHost(new URL(${JSON.stringify(url.href)})).call({ type: "echo", value: "evaluated" }));`;
    const { stdout } = await run(process.execPath, ["--input-type=module", "-e", code], { timeout: 20_000 });
    expect(stdout).toBe("evaluated\n");
  });
});
