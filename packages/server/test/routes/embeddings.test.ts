import { expect, it } from "vitest";
import { createHandler } from "../../src/index.js";
import { embeddingOf, FakeEmbedder, textEmbedding } from "../fake-embedder.js";
import { expectError, send } from "../requests.js";

const PIXELS = new Uint8Array([137, 80, 78, 71, 1, 2, 3, 4, 5, 6, 7]);
const BASE64 = Buffer.from(PIXELS).toString("base64");

function serverOf(options = {}) {
  const embedder = new FakeEmbedder();
  return { embedder, handler: createHandler({ embedder, countTokens: (texts) => texts.map((text) => text.length + 2), ...options }) };
}

it("embeds a text, a list of texts, and Jina's objects in their order", async () => {
  const { handler } = serverOf();
  const one = await send(handler, "POST", "/v1/embeddings", { input: "猫", model: "chinese-clip" });
  expect(one.status).toBe(200);
  expect(one.body).toEqual({
    object: "list",
    model: "chinese-clip",
    data: [{ object: "embedding", index: 0, embedding: [...textEmbedding("猫")] }],
    usage: { prompt_tokens: 3, total_tokens: 3 },
  });
  const mixed = await send(handler, "POST", "/v1/embeddings", {
    input: ["猫", { image: `data:image/png;base64,${BASE64}` }, { text: "狗" }, { image: BASE64 }, "猫"],
  });
  const rows = mixed.body.data.map(({ embedding }: { embedding: number[] }) => Float32Array.from(embedding));
  expect(rows).toEqual([textEmbedding("猫"), embeddingOf(PIXELS), textEmbedding("狗"), embeddingOf(PIXELS), textEmbedding("猫")]);
  expect(mixed.body.usage.prompt_tokens).toBe(9);
});

it("gives the same values as numbers and as base64", async () => {
  const { handler } = serverOf();
  const floats = await send(handler, "POST", "/v1/embeddings", { input: "猫", encoding_format: "float" });
  const base64 = await send(handler, "POST", "/v1/embeddings", { input: "猫", encoding_format: "base64" });
  const bytes = Buffer.from(base64.body.data[0].embedding, "base64");
  const values = Array.from({ length: bytes.length / 4 }, (_, i) => bytes.readFloatLE(4 * i));
  expect(values).toEqual(floats.body.data[0].embedding);
});

it("embeds equal texts once, in a request and in later ones, as far as the cache reaches", async () => {
  const { embedder, handler } = serverOf();
  await send(handler, "POST", "/v1/embeddings", { input: ["猫", "猫", "狗"] });
  await send(handler, "POST", "/v1/embeddings", { input: ["狗", "鸟"] });
  expect(embedder.texts).toEqual([["猫", "狗"], ["鸟"]]);
  const small = serverOf({ limits: { cacheBytes: 500 } });
  for (const input of ["猫", "狗", "鸟", "猫"]) await send(small.handler, "POST", "/v1/embeddings", { input });
  expect(small.embedder.texts).toHaveLength(4);
});

it.each([
  ["token ids", { input: [1, 2, 3] }, 400, "token-input"],
  ["lists of token ids", { input: [[1, 2], [3]] }, 400, "token-input"],
  ["no input", {}, 400, "invalid-request"],
  ["an empty list", { input: [] }, 400, "invalid-request"],
  ["a number", { input: 7 }, 400, "invalid-request"],
  ["text and image in one", { input: [{ text: "a", image: BASE64 }] }, 400, "invalid-request"],
  ["null among the inputs", { input: ["a", null] }, 400, "invalid-request"],
  ["other dimensions", { input: "a", dimensions: 4 }, 400, "unsupported-option"],
  ["another model", { input: "a", model: "text-embedding-3-small" }, 404, "no-such-model"],
  ["another encoding", { input: "a", encoding_format: "int8" }, 400, "invalid-request"],
  ["257 inputs", { input: Array(257).fill("a") }, 413, "too-many-inputs"],
  ["a long text", { input: "猫".repeat(8193) }, 413, "text-too-long"],
  ["no base64", { input: { image: "not base64!" } }, 400, "invalid-base64"],
  ["an empty data: URL", { input: { image: "data:image/png;base64," } }, 400, "invalid-base64"],
  ["a data: URL without base64", { input: { image: "data:text/plain,abc" } }, 400, "invalid-base64"],
  ["no image", { input: ["a", { image: "AAAA" }] }, 400, "invalid-image"],
])("rejects %s", async (_, body, status, code) => {
  const { handler } = serverOf();
  expectError(await send(handler, "POST", "/v1/embeddings", body), status, code);
});

it("takes the model's own dimensions and its aliases, and answers with its own name", async () => {
  const { handler } = serverOf({ modelName: "clip", modelAliases: ["text-embedding-3-small"] });
  const { body } = await send(handler, "POST", "/v1/embeddings", { input: "a", dimensions: 8, model: "text-embedding-3-small" });
  expect(body.model).toBe("clip");
});

it("says which input is wrong", async () => {
  const { handler } = serverOf();
  const { body } = await send(handler, "POST", "/v1/embeddings", { input: ["a", { image: "AAAA" }] });
  expect(body.error.message).toMatch(/^input\[1\]\.image: /);
});

it.each([
  "/etc/passwd",
  "photos/cat.jpg",
  "./cat",
  "..\\cat",
  "C:\\cat.png",
  "~/cat",
  "file:///etc/passwd",
  "cat.jpg",
  "/proc/self/environ",
])("rejects the path %s, also where URLs are allowed", async (image) => {
  const { embedder, handler } = serverOf({ allowUrls: true });
  expectError(await send(handler, "POST", "/v1/embeddings", { input: { image } }), 400, "path-rejected");
  expect(embedder.images).toEqual([]);
});

it("takes URLs only where they are allowed, and never with a user's name or another scheme", async () => {
  const closed = serverOf();
  expectError(await send(closed.handler, "POST", "/v1/embeddings", { input: { image: "https://example.org/a.png" } }), 400, "url-rejected");
  const { embedder, handler } = serverOf({ allowUrls: true });
  for (const image of ["ftp://example.org/a", "gopher://x/1", "http://user:pass@example.org/a.png", "http://", "javascript:alert(1)"]) {
    expectError(await send(handler, "POST", "/v1/embeddings", { input: { image } }), 400, "url-rejected");
  }
  expect(embedder.images).toEqual([]);
  await send(handler, "POST", "/v1/embeddings", { input: { image: "https://example.org/a" } });
  expect(embedder.images).toEqual([new URL("https://example.org/a")]);
});

it("rejects an image by the pixels of its header, before it is decoded", async () => {
  const { embedder, handler } = serverOf({ imageSize: () => ({ width: 10_000, height: 5001 }) });
  expectError(await send(handler, "POST", "/v1/embeddings", { input: { image: BASE64 } }), 413, "image-too-large");
  expect(embedder.images).toEqual([]);
});

it("answers as text-embeddings-inference does", async () => {
  const { handler } = serverOf();
  const { body } = await send(handler, "POST", "/embed", { inputs: ["猫", "狗"], normalize: true, truncate: false, prompt_name: null });
  expect(body).toEqual([[...textEmbedding("猫")], [...textEmbedding("狗")]]);
  expect((await send(handler, "POST", "/embed", { inputs: "猫" })).body).toEqual([[...textEmbedding("猫")]]);
  const long = "猫".repeat(60);
  expectError(await send(handler, "POST", "/embed", { inputs: ["a", long] }), 413, "text-too-long");
  expect((await send(handler, "POST", "/embed", { inputs: long, truncate: true })).status).toBe(200);
  expectError(await send(handler, "POST", "/embed", { inputs: "a", normalize: false }), 400, "unsupported-option");
  expectError(await send(handler, "POST", "/embed", { inputs: [[1, 2]] }), 400, "token-input");
});
