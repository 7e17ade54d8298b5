/** What a request may cost: bodies, JSON, the queue, deadlines, callers that go away, and the server's end. */
import { describe, expect, it, vi } from "vitest";
import { createHandler, type Handler, type HandlerOptions, type ServerLimits } from "../../src/index.js";
import { FakeEmbedder } from "../fake-embedder.js";
import { type Answer, expectError, ORIGIN, send } from "../requests.js";

function serverOf(limits: ServerLimits = {}, options: Partial<HandlerOptions> = {}) {
  const embedder = new FakeEmbedder();
  return { embedder, handler: createHandler({ embedder, limits, ...options }) };
}

/** A request with a body that a test writes piece by piece. */
function streamed(signal?: AbortSignal) {
  let control!: ReadableStreamDefaultController<Uint8Array>;
  const cancelled = vi.fn();
  const body = new ReadableStream<Uint8Array>({ start: (controller) => void (control = controller), cancel: cancelled });
  const init = { method: "POST", body, duplex: "half", headers: { "content-type": "application/json" }, signal: signal ?? null };
  const write = (text: string): void => control.enqueue(new TextEncoder().encode(text));
  return { request: new Request(`${ORIGIN}/v1/embeddings`, init), write, cancelled };
}

const answerOf = async (response: Response): Promise<Answer> => ({
  status: response.status,
  headers: response.headers,
  body: await response.json(),
});

/** Every call of the embedder waits until the test releases it, or its signal aborts. */
function blocked(embedder: FakeEmbedder): (() => void)[] {
  const releases: (() => void)[] = [];
  embedder.wait = (signal) =>
    new Promise((resolve, reject) => {
      releases.push(resolve);
      signal?.addEventListener("abort", () => reject(signal.reason as Error));
    });
  return releases;
}

const ask = (handler: Handler, input: string, signal?: AbortSignal): Promise<Response> =>
  handler.fetch(
    new Request(`${ORIGIN}/v1/embeddings`, {
      method: "POST",
      body: JSON.stringify({ input }),
      headers: { "content-type": "application/json" },
      ...(signal === undefined ? {} : { signal }),
    }),
  );

describe("a body", () => {
  it("is rejected by its stated length before it is read, and by its bytes as they arrive", async () => {
    const { handler } = serverOf({ bodyBytes: 100 });
    expectError(await send(handler, "POST", "/v1/embeddings", { input: "a".repeat(100) }), 413, "body-too-large");
    const { request, write, cancelled } = streamed();
    const answering = handler.fetch(request);
    for (let i = 0; i < 3; i++) write(" ".repeat(40));
    expectError(await answerOf(await answering), 413, "body-too-large");
    expect(cancelled).toHaveBeenCalledOnce();
  });

  it("arrives within its time, or is dropped", async () => {
    const { handler } = serverOf({ bodyMilliseconds: 20 });
    const { request, write, cancelled } = streamed();
    write('{"input":');
    expectError(await answerOf(await handler.fetch(request)), 408, "body-timeout");
    expect(cancelled).toHaveBeenCalledOnce();
  });

  it("shares the memory of all bodies in flight, and gives it back", async () => {
    const { handler, embedder } = serverOf({ memory: 1000 });
    const releases = blocked(embedder);
    const first = ask(handler, "a".repeat(600));
    await vi.waitFor(() => expect(releases).toHaveLength(1));
    const second = await answerOf(await ask(handler, "b".repeat(600)));
    expectError(second, 429, "overloaded");
    expect(second.headers.get("retry-after")).toBe("1");
    releases[0]?.();
    expect((await first).status).toBe(200);
    embedder.wait = async () => undefined;
    expect((await ask(handler, "b".repeat(600))).status).toBe(200);
  });

  it("is not decompressed", async () => {
    const { handler } = serverOf();
    const answer = await send(handler, "POST", "/v1/embeddings", { input: "a" }, { "content-encoding": "gzip" });
    expectError(answer, 415, "unsupported-media-type");
  });

  it.each([
    ["nothing", ""],
    ["half of it", '{"input": "a"'],
    ["text after it", '{"input": "a"} x'],
    ["a list of lists of lists", `{"input": ${"[".repeat(65)}${"]".repeat(65)}}`],
    ["100,000 open brackets", "[".repeat(100_000)],
    ["an open string", '{"input": "a'],
    ["a quote that is escaped", String.raw`{"input": "a\"}`],
  ])("is JSON: not %s", async (_, body) => {
    const { handler } = serverOf();
    expectError(await send(handler, "POST", "/v1/embeddings", body, { "content-type": "application/json" }), 400, "invalid-json");
  });

  it("is UTF-8", async () => {
    const { handler } = serverOf();
    const body = new Uint8Array([...new TextEncoder().encode('{"input":"'), 0xff, 0xfe, ...new TextEncoder().encode('"}')]);
    expectError(await send(handler, "POST", "/v1/embeddings", body, { "content-type": "application/json" }), 400, "invalid-json");
  });

  it("of many small values is rejected before they are built", async () => {
    const { handler } = serverOf();
    const parse = vi.spyOn(JSON, "parse");
    const body = `{"input": [${"[],".repeat(1_500_000)}[]]}`;
    const response = await handler.fetch(
      new Request(`${ORIGIN}/v1/embeddings`, { method: "POST", body, headers: { "content-type": "application/json" } }),
    );
    expect(parse).not.toHaveBeenCalled();
    parse.mockRestore();
    expectError(await answerOf(response), 400, "invalid-json");
  });

  it("holds brackets and quotes in its strings", async () => {
    const { handler } = serverOf();
    for (const input of ["[".repeat(100), String.raw`\\\"[[[`, '"', "\\", '\\"', ",,,"]) {
      expect((await send(handler, "POST", "/v1/embeddings", { input })).status).toBe(200);
    }
  });
});

describe("the queue", () => {
  it("lets so many work, so many wait, and turns away the others with a time to come back", async () => {
    const { handler, embedder } = serverOf({ concurrency: 2, queue: 1 });
    const releases = blocked(embedder);
    const [a, b] = [ask(handler, "a"), ask(handler, "b")];
    await vi.waitFor(() => expect(releases).toHaveLength(2));
    const answers = await Promise.race([Promise.all([ask(handler, "c"), ask(handler, "d")]), ask(handler, "e")]);
    const turnedAway = await answerOf(Array.isArray(answers) ? answers[1] : answers);
    expectError(turnedAway, 429, "overloaded");
    expect(Number(turnedAway.headers.get("retry-after"))).toBeGreaterThanOrEqual(1);
    expect(embedder.texts).toEqual([["a"], ["b"]]);
    releases[0]?.();
    await vi.waitFor(() => expect(releases).toHaveLength(3));
    for (const release of releases) release();
    expect([(await a).status, (await b).status]).toEqual([200, 200]);
  });

  it("does not hold up what needs no model", async () => {
    const { handler, embedder } = serverOf({ concurrency: 1, queue: 0 });
    const releases = blocked(embedder);
    const a = ask(handler, "a");
    await vi.waitFor(() => expect(releases).toHaveLength(1));
    for (const path of ["/healthz", "/readyz", "/v1/models"]) expect((await send(handler, "GET", path)).status).toBe(200);
    releases[0]?.();
    await a;
  });

  it("drops a request that waits when its caller goes away, and gives its place to the next", async () => {
    const { handler, embedder } = serverOf({ concurrency: 1, queue: 1 });
    const releases = blocked(embedder);
    const a = ask(handler, "a");
    await vi.waitFor(() => expect(releases).toHaveLength(1));
    const caller = new AbortController();
    const b = ask(handler, "b", caller.signal);
    await new Promise((resolve) => setTimeout(resolve, 20));
    expect((await ask(handler, "x")).status).toBe(429);
    caller.abort();
    expect((await b).status).toBe(499);
    const c = ask(handler, "c");
    await new Promise((resolve) => setTimeout(resolve, 20));
    releases[0]?.();
    await vi.waitFor(() => expect(releases).toHaveLength(2));
    releases[1]?.();
    expect([(await a).status, (await c).status]).toEqual([200, 200]);
    expect(embedder.texts).toEqual([["a"], ["c"]]);
  });
});

it("a request that is rejected gives its turn back", async () => {
  const { handler } = serverOf({ concurrency: 1, queue: 0 });
  for (let i = 0; i < 3; i++) expectError(await send(handler, "POST", "/v1/embeddings", { input: [] }), 400, "invalid-request");
  for (let i = 0; i < 3; i++) expectError(await send(handler, "POST", "/v1/embeddings", []), 400, "invalid-request");
  expect((await ask(handler, "a")).status).toBe(200);
});

describe("a deadline", () => {
  it("ends work with 504, the embedder's included, and waiting with 503", async () => {
    const { handler, embedder } = serverOf({ concurrency: 1, queue: 1, milliseconds: 50 });
    let release!: () => void;
    embedder.wait = () => new Promise((resolve) => void (release = resolve));
    const a = ask(handler, "a");
    await vi.waitFor(() => expect(embedder.signals).toHaveLength(1));
    const b = ask(handler, "b");
    expectError(await answerOf(await a), 504, "timed-out");
    expect(embedder.signals[0]?.aborted).toBe(true);
    const late = await answerOf(await b);
    expectError(late, 503, "queue-timeout");
    expect(late.headers.has("retry-after")).toBe(true);
    release();
  });

  it("holds where the embedder does not look at its signal, and the turn stays taken until it is done", async () => {
    const { handler, embedder } = serverOf({ concurrency: 1, queue: 0, milliseconds: 30 });
    let release!: () => void;
    embedder.wait = () => new Promise((resolve) => void (release = resolve));
    expectError(await answerOf(await ask(handler, "a")), 504, "timed-out");
    expectError(await answerOf(await ask(handler, "b")), 429, "overloaded");
    embedder.wait = async () => undefined;
    release();
    await vi.waitFor(async () => expect((await ask(handler, "c")).status).toBe(200));
  });
});

it("work is dropped when the caller goes away", async () => {
  const { handler, embedder } = serverOf();
  const releases = blocked(embedder);
  const caller = new AbortController();
  const answering = ask(handler, "a", caller.signal);
  await vi.waitFor(() => expect(releases).toHaveLength(1));
  caller.abort();
  expect((await answering).status).toBe(499);
  expect(embedder.signals[0]?.aborted).toBe(true);
});

it("a body is dropped when the caller goes away", async () => {
  const { handler } = serverOf();
  const caller = new AbortController();
  const { request, write } = streamed(caller.signal);
  write('{"input":');
  const answering = handler.fetch(request);
  caller.abort();
  expect((await answering).status).toBe(499);
});

describe("the end", () => {
  it("lets requests in flight finish, rejects others, and says that it is not ready", async () => {
    const { handler, embedder } = serverOf();
    const releases = blocked(embedder);
    const a = ask(handler, "a");
    await vi.waitFor(() => expect(releases).toHaveLength(1));
    const disposed = handler.dispose();
    expectError(await send(handler, "GET", "/readyz"), 503, "shutting-down");
    expectError(await answerOf(await ask(handler, "b")), 503, "shutting-down");
    expect((await send(handler, "GET", "/healthz")).status).toBe(200);
    releases[0]?.();
    expect((await a).status).toBe(200);
    await disposed;
    await handler.dispose();
  });

  it("aborts what takes too long", async () => {
    const { handler, embedder } = serverOf({ shutdownMilliseconds: 20 });
    blocked(embedder);
    const a = ask(handler, "a");
    await vi.waitFor(() => expect(embedder.signals).toHaveLength(1));
    await handler.dispose();
    expectError(await answerOf(await a), 503, "shutting-down");
  });
});

it("limits are integers that have a name", () => {
  expect(() => serverOf({ inputs: 0 })).toThrow(/limits\.inputs/);
  expect(() => serverOf({ queue: -1 })).toThrow(RangeError);
  expect(() => serverOf({ bodyBytes: 1.5 })).toThrow(RangeError);
  expect(() => serverOf({ bodybytes: 5 } as ServerLimits)).toThrow(TypeError);
  serverOf({ queue: 0, cacheBytes: 0, inputs: undefined });
});

it("a fault of the embedder is one of the server's, whose reason goes to its log alone", async () => {
  const onError = vi.fn();
  const { handler, embedder } = serverOf({}, { onError });
  embedder.wait = async () => {
    throw Object.assign(new Error("/secret/model.onnx: out of memory"), { name: "InferenceError", code: "run-failed" });
  };
  const answer = await answerOf(await ask(handler, "a"));
  expectError(answer, 500, "internal");
  expect(JSON.stringify(answer.body)).not.toContain("secret");
  expect(onError).toHaveBeenCalledExactlyOnceWith(expect.objectContaining({ code: "run-failed" }));
});
