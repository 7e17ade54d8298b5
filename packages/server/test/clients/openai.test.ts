/** Real clients of OpenAI's API against the server on a port: `openai` 6 and LangChain's `OpenAIEmbeddings`, with the demo checkpoint. */
import { ChineseCLIP } from "@chinese-clip/node";
import { OpenAIEmbeddings } from "@langchain/openai";
import OpenAI from "openai";
import { readFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { afterAll, beforeAll, expect, it } from "vitest";
import { createHandler } from "../../src/index.js";
import { type RunningServer, serve } from "../../src/node/index.js";

const EXAMPLES = fileURLToPath(new URL("../../../../examples/", import.meta.url));
const TEXTS = ["红色的星星", "一只棕色的猫", "蓝色的汽车"];
const KEY = "sk-test";

let clip: ChineseCLIP;
let server: RunningServer;
let expected: readonly number[][];

beforeAll(async () => {
  clip = await ChineseCLIP.fromPretrained(`${EXAMPLES}demo-checkpoint`);
  const { tokenizer } = clip.processor;
  const countTokens = (texts: readonly string[]): number[] => texts.map((text) => tokenizer.encode(text).ids.length);
  server = await serve(createHandler({ embedder: clip, apiKey: KEY, countTokens }));
  const { data, dim } = await clip.embedText(TEXTS);
  expected = TEXTS.map((_, i) => Array.from(data.subarray(i * dim, (i + 1) * dim)));
});

afterAll(async () => {
  await server.close();
  await clip.dispose();
});

const clientOf = (apiKey = KEY): OpenAI => new OpenAI({ baseURL: `${server.url}/v1`, apiKey, maxRetries: 0 });

it("openai: base64, which it asks for where no format is given, and floats are equal, and those of the model", async () => {
  const byBase64 = await clientOf().embeddings.create({ model: "chinese-clip", input: TEXTS });
  const byFloat = await clientOf().embeddings.create({ model: "chinese-clip", input: TEXTS, encoding_format: "float" });
  expect(byBase64.data.map(({ embedding }) => Array.from(embedding))).toEqual(byFloat.data.map(({ embedding }) => embedding));
  for (const [i, { embedding, index }] of byFloat.data.entries()) {
    expect(index).toBe(i);
    for (const [at, value] of embedding.entries()) expect(value).toBeCloseTo(expected[i]?.[at] ?? NaN, 5);
  }
  expect(byFloat.usage).toEqual({ prompt_tokens: 3 * 2 + 5 + 6 + 5, total_tokens: 3 * 2 + 5 + 6 + 5 });
});

it("openai: an image as Jina's object", async () => {
  const image = readFileSync(`${EXAMPLES}pictures/04.webp`);
  const input = [{ image: `data:image/webp;base64,${image.toString("base64")}` }, ...TEXTS];
  const { data } = await clientOf().embeddings.create({ model: "chinese-clip", input: input as unknown as string[] });
  const [picture, ...texts] = data.map(({ embedding }) => embedding) as [number[], ...number[][]];
  const cosines = texts.map((text) => text.reduce((sum, value, i) => sum + value * (picture[i] ?? 0), 0));
  expect(cosines.indexOf(Math.max(...cosines))).toBe(0); // a red star
});

it("openai: errors become its own classes, with our code and message", async () => {
  const { embeddings, models } = clientOf();
  await expect(embeddings.create({ model: "text-embedding-3-small", input: "a" })).rejects.toMatchObject({
    status: 404,
    code: "no-such-model",
  });
  await expect(embeddings.create({ model: "chinese-clip", input: [1, 2] })).rejects.toBeInstanceOf(OpenAI.BadRequestError);
  await expect(embeddings.create({ model: "chinese-clip", input: "a", dimensions: 64 })).rejects.toThrow(/dimensions: expected 128/);
  await expect(clientOf("wrong").embeddings.create({ model: "chinese-clip", input: "a" })).rejects.toBeInstanceOf(
    OpenAI.AuthenticationError,
  );
  expect((await models.list()).data.map(({ id }) => id)).toEqual(["chinese-clip"]);
  expect((await models.retrieve("chinese-clip")).id).toBe("chinese-clip");
});

it("LangChain: documents and a query by baseURL", async () => {
  const embeddings = new OpenAIEmbeddings({
    model: "chinese-clip",
    apiKey: KEY,
    configuration: { baseURL: `${server.url}/v1` },
    maxRetries: 0,
  });
  const documents = await embeddings.embedDocuments(TEXTS);
  const query = await embeddings.embedQuery(TEXTS[1] ?? "");
  expect(documents).toHaveLength(3);
  for (const [at, value] of query.entries()) {
    expect(value).toBeCloseTo(expected[1]?.[at] ?? NaN, 5);
    expect(value).toBeCloseTo(documents[1]?.[at] ?? NaN, 6);
  }
});
