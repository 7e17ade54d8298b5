/** What the server says of itself, and answers to what is no route. */
import { Validator } from "@seriousme/openapi-schema-validator";
import { expect, it } from "vitest";
import { createHandler } from "../../src/index.js";
import { createMetrics } from "../../src/node/index.js";
import { FakeEmbedder } from "../fake-embedder.js";
import { expectError, ORIGIN, send } from "../requests.js";

const serverOf = (options = {}) => createHandler({ embedder: new FakeEmbedder(), ...options });

it("names its model", async () => {
  const { body } = await send(serverOf({ modelName: "OFA-Sys/clip" }), "GET", "/v1/models");
  const model = { id: "OFA-Sys/clip", object: "model", created: 0, owned_by: "chinese-clip", dim: 8, fingerprint: "model-a" };
  expect(body).toEqual({ object: "list", data: [model] });
  expect((await send(serverOf({ modelName: "OFA-Sys/clip" }), "GET", "/v1/models/OFA-Sys%2Fclip")).body).toEqual(model);
  expectError(await send(serverOf(), "GET", "/v1/models/other"), 404, "no-such-model");
});

it.each([
  "/nothing",
  "/v1",
  "/v1/",
  "/v1/embeddings/",
  "//",
  "/%zz",
  "/v1/indexes/a/b",
  "/..%2f..%2fetc/passwd",
  "/V1/models",
  "/__proto__",
])("answers %s with 404 in the shape of all errors", async (path) => {
  expectError(await send(serverOf(), "GET", path), 404, "not-found");
});

it("answers a route's other methods with those that it has", async () => {
  for (const [method, path, allowed] of [
    ["GET", "/v1/embeddings", "POST"],
    ["POST", "/v1/models", "GET"],
    ["PATCH", "/v1/indexes/a/items", "PUT, DELETE, GET"],
    ["DELETE", "/v1/indexes/a/items/b", "GET"],
  ] as const) {
    const answer = await send(serverOf(), method, path);
    expectError(answer, 405, "method-not-allowed");
    expect(answer.headers.get("allow")).toBe(allowed);
  }
});

it("answers HEAD like GET, without a body", async () => {
  const { status, body } = await send(serverOf(), "HEAD", "/healthz");
  expect([status, body]).toEqual([200, ""]);
});

it("describes its routes in OpenAPI 3.1, by its schema", async () => {
  const { body } = await send(serverOf({ metrics: createMetrics() }), "GET", "/openapi.json");
  const validator = new Validator();
  expect(await validator.validate(body)).toEqual({ valid: true });
  expect(validator.version).toBe("3.1");
});

it("describes the routes that it serves, and no others", async () => {
  const handler = serverOf({ metrics: createMetrics() });
  const { body } = await send(handler, "GET", "/openapi.json");
  expect(body.openapi).toBe("3.1.0");
  const described = Object.entries<Record<string, { responses: object; requestBody?: object }>>(body.paths).flatMap(([path, methods]) =>
    Object.keys(methods).map((method) => [method.toUpperCase(), path] as const),
  );
  expect(described).toHaveLength(23);
  for (const [method, path] of described) {
    const { status } = await send(handler, method, path.replaceAll(/\{\w+\}/g, "x"), method === "GET" ? undefined : {});
    expect([method, path, status]).not.toEqual([method, path, 405]);
    const answer = await send(handler, method === "GET" ? "PATCH" : method, path.replaceAll(/\{\w+\}/g, "x"), {});
    expect([method, path, answer.body.error.code]).not.toEqual([method, path, "not-found"]);
  }
  const schema = body.paths["/v1/embeddings"].post.requestBody.content["application/json"].schema;
  expect(schema).toMatchObject({
    type: "object",
    properties: { encoding_format: {}, input: { oneOf: expect.any(Array) } },
  });
  expect(body.paths["/v1/indexes/{name}/items/{id}"].get.parameters.map(({ name }: { name: string }) => name)).toEqual(["name", "id"]);
  expect(body.paths["/healthz"].get.security).toBeUndefined();
  expect(body.paths["/v1/search"].post.security).toEqual([{ key: [] }]);
});

it("counts requests by route and status, texts by whether they were cached, and the queue", async () => {
  const metrics = createMetrics();
  const handler = serverOf({ metrics });
  for (const input of ["a", "a", ["a", "b"]]) await send(handler, "POST", "/v1/embeddings", { input });
  await send(handler, "POST", "/v1/embeddings", {});
  for (const path of ["/x/1", "/x/2"]) await send(handler, "GET", path);
  await handler.fetch(new Request(`${ORIGIN}/healthz`, { method: "SPELL" }));
  const { body, headers } = await send(handler, "GET", "/metrics");
  expect(headers.get("content-type")).toMatch(/^text\/plain; version=/);
  const samples = new Map<string, number>();
  for (const line of body.split("\n")) {
    if (line === "" || line.startsWith("#")) continue;
    const [, name, value] = /^([a-zA-Z_:][\w:]*(?:\{[^}]*\})?) (\S+)$/.exec(line) ?? [];
    expect([line, /^(?:[-+]?[\d.]+(?:e[-+]?\d+)?|[-+]Inf|Nan)$/.test(value ?? "")]).toEqual([line, true]);
    samples.set(name as string, Number(value));
  }
  const requests = (labels: string): number | undefined => samples.get(`chinese_clip_requests_total{${labels}}`);
  expect(requests('method="POST",route="/v1/embeddings",status="200"')).toBe(3);
  expect(requests('method="POST",route="/v1/embeddings",status="400"')).toBe(1);
  expect(requests('method="GET",route="unmatched",status="404"')).toBe(2);
  expect(requests('method="other",route="/healthz",status="405"')).toBe(1);
  expect(samples.get('chinese_clip_inputs_total{kind="text"}')).toBe(2);
  expect(samples.get('chinese_clip_inputs_total{kind="cached-text"}')).toBe(2);
  expect(samples.get('chinese_clip_queue{state="working"}')).toBe(0);
  expect(samples.get('chinese_clip_request_seconds_count{route="/v1/embeddings"}')).toBe(4);
  expect(samples.has("process_resident_memory_bytes")).toBe(true);
});

it("serves a page's files to anybody who may call, with a policy that runs nothing else", async () => {
  const page = {
    "/": { contentType: "text/html; charset=utf-8", body: "<!doctype html>" },
    "/assets/a.js": { contentType: "text/javascript", body: "1" },
  };
  const handler = serverOf({ page, apiKey: "k", allowedHosts: ["127.0.0.1"] });
  const start = await send(handler, "GET", "/");
  expect([start.status, start.body]).toEqual([200, "<!doctype html>"]);
  expect(start.headers.get("content-security-policy")).toContain("default-src 'none'");
  expect((await send(handler, "GET", "/assets/a.js")).headers.get("content-type")).toBe("text/javascript");
  expectError(await send(serverOf(), "GET", "/"), 404, "not-found");
});
