/** immich's requests as its server makes them (`machine-learning.repository.ts`), re-expressed. */
import { expect, it, vi } from "vitest";
import { createHandler, type HandlerOptions } from "../../src/index.js";
import { embeddingOf, FakeEmbedder, textEmbedding } from "../fake-embedder.js";
import { type Answer, expectError, send } from "../requests.js";

const PIXELS = new Uint8Array([0xff, 0xd8, 0xff, 13, 10, 13, 10, 45, 45, 1, 2, 3]);
const VISUAL = { clip: { visual: { modelName: "ViT-B-32__openai" } } };
const TEXTUAL = { clip: { textual: { modelName: "ViT-B-32__openai", options: { language: "zh" } } } };
const FACES = {
  "facial-recognition": { detection: { modelName: "buffalo_l", options: { minScore: 0.7 } }, recognition: { modelName: "buffalo_l" } },
};

const serverOf = (options: Partial<HandlerOptions> = {}) =>
  createHandler({ embedder: new FakeEmbedder(), imageSize: () => ({ width: 640, height: 480 }), ...options });

function predict(handler: ReturnType<typeof serverOf>, fields: Readonly<Record<string, string | Blob>>): Promise<Answer> {
  const form = new FormData();
  for (const [name, value] of Object.entries(fields)) {
    if (typeof value === "string") form.append(name, value);
    else form.append(name, value);
  }
  return send(handler, "POST", "/predict", form);
}

it("answers immich's ping", async () => {
  expect((await send(serverOf(), "GET", "/ping")).body).toBe("pong");
});

it("embeds an image: the embedding is JSON in a string, the image's size beside it", async () => {
  const { status, body } = await predict(serverOf(), { entries: JSON.stringify(VISUAL), image: new Blob([PIXELS]) });
  expect(status).toBe(200);
  expect(body).toEqual({ clip: expect.any(String), imageHeight: 480, imageWidth: 640 });
  expect(Float32Array.from(JSON.parse(body.clip))).toEqual(embeddingOf(PIXELS));
});

it("embeds a text", async () => {
  const { body } = await predict(serverOf(), { entries: JSON.stringify(TEXTUAL), text: "雪地里的猫" });
  expect(Object.keys(body)).toEqual(["clip"]);
  expect(Float32Array.from(JSON.parse(body.clip))).toEqual(textEmbedding("雪地里的猫"));
});

it("forwards other tasks to immich's own server as they came", async () => {
  const faces = { "facial-recognition": [], imageHeight: 480, imageWidth: 640 };
  const upstream = vi.fn(async (_url: URL, _init: RequestInit) => Response.json(faces));
  const handler = serverOf({ immichUpstream: "http://ml.example:3003", fetch: upstream });
  const { body } = await predict(handler, { entries: JSON.stringify(FACES), image: new Blob([PIXELS]) });
  expect(body).toEqual(faces);
  const [url, init] = upstream.mock.calls[0] as [URL, RequestInit];
  expect(url.href).toBe("http://ml.example:3003/predict");
  const sent = await new Response(init.body as BodyInit, { headers: init.headers as Record<string, string> }).formData();
  expect(JSON.parse(sent.get("entries") as string)).toEqual(FACES);
  expect(new Uint8Array(await (sent.get("image") as File).arrayBuffer())).toEqual(PIXELS);
});

it("answers a request of both kinds with both results", async () => {
  const upstream = vi.fn(async (_url: URL, _init: RequestInit) =>
    Response.json({ "facial-recognition": [], imageHeight: 480, imageWidth: 640 }),
  );
  const handler = serverOf({ immichUpstream: new URL("http://ml.example/sub/"), fetch: upstream });
  const { body } = await predict(handler, { entries: JSON.stringify({ ...VISUAL, ...FACES }), image: new Blob([PIXELS]) });
  expect(Object.keys(body).toSorted()).toEqual(["clip", "facial-recognition", "imageHeight", "imageWidth"]);
  const [url, init] = upstream.mock.calls[0] as [URL, RequestInit];
  expect(url.href).toBe("http://ml.example/sub/predict");
  expect(JSON.parse((init.body as FormData).get("entries") as string)).toEqual(FACES);
});

it("says when immich's own server is not there, or does not answer", async () => {
  expectError(await predict(serverOf(), { entries: JSON.stringify(FACES), image: new Blob([PIXELS]) }), 400, "unsupported-option");
  for (const fetch of [async () => new Response("no", { status: 500 }), () => Promise.reject(new TypeError("fetch failed"))]) {
    const handler = serverOf({ immichUpstream: "http://ml.example", fetch });
    expectError(await predict(handler, { entries: JSON.stringify(FACES), image: new Blob([PIXELS]) }), 502, "upstream-failed");
  }
});

it.each([
  ["no entries", { text: "a" }, "invalid-form"],
  ["entries that are no JSON", { entries: "{", text: "a" }, "invalid-json"],
  ["entries that are a list", { entries: "[]", text: "a" }, "invalid-request"],
  ["no task", { entries: "{}", text: "a" }, "invalid-request"],
  ["another tower", { entries: '{"clip":{"audio":{}}}', text: "a" }, "invalid-request"],
  ["both towers", { entries: '{"clip":{"visual":{},"textual":{}}}', text: "a" }, "invalid-request"],
  ["clip of another type", { entries: '{"clip":7}', text: "a" }, "invalid-request"],
  ["a text for the image tower", { entries: JSON.stringify(VISUAL), text: "a" }, "invalid-form"],
  ["no text", { entries: JSON.stringify(TEXTUAL) }, "invalid-form"],
])("rejects %s", async (_, fields, code) => {
  expectError(await predict(serverOf(), fields), 400, code);
});

it.each([
  ["no boundary", "--x\r\n", "multipart/form-data", 415],
  ["JSON", "{}", "application/json", 415],
  ["another boundary", '--y\r\ncontent-disposition: form-data; name="a"\r\n\r\n1\r\n--y--\r\n', "multipart/form-data; boundary=x", 400],
  ["an end that is missing", '--x\r\ncontent-disposition: form-data; name="a"\r\n\r\n1', "multipart/form-data; boundary=x", 400],
  ["a field without a name", "--x\r\n\r\n1\r\n--x--\r\n", "multipart/form-data; boundary=x", 400],
  [
    "a thousand fields",
    `${'--x\r\ncontent-disposition: form-data; name="a"\r\n\r\n1\r\n'.repeat(1000)}--x--\r\n`,
    "multipart/form-data; boundary=x",
    400,
  ],
  ["nothing", "", "multipart/form-data; boundary=x", 400],
])("rejects a form with %s", async (_, body, type, status) => {
  const answer = await send(serverOf(), "POST", "/predict", body, { "content-type": type });
  expectError(answer, status, status === 415 ? "unsupported-media-type" : "invalid-form");
});

it("reads forms as curl and browsers write them", async () => {
  const text = (value: string) => `content-disposition: form-data; name="text"\r\ncontent-type: text/plain\r\n\r\n${value}`;
  const entries = `Content-Disposition: form-data; name="entries"\r\n\r\n${JSON.stringify(TEXTUAL)}`;
  for (const boundary of ["----WebKitFormBoundaryAb12", "x"]) {
    const body = `preamble\r\n--${boundary}\r\n${entries}\r\n--${boundary}\r\n${text("猫")}\r\n--${boundary}--\r\n`;
    const answer = await send(serverOf(), "POST", "/predict", body, {
      "content-type": `multipart/form-data; charset=utf-8; boundary="${boundary}"`,
    });
    expect(Float32Array.from(JSON.parse(answer.body.clip))).toEqual(textEmbedding("猫"));
  }
});
