/** Who may call: keys, host names, and web pages of other origins. */
import { describe, expect, it } from "vitest";
import { createHandler, type Handler, type HandlerOptions } from "../../src/index.js";
import { FakeEmbedder } from "../fake-embedder.js";
import { type Answer, expectError, send } from "../requests.js";

const serverOf = (options: Partial<HandlerOptions> = {}): Handler => createHandler({ embedder: new FakeEmbedder(), ...options });
const embed = (handler: Handler, headers: Readonly<Record<string, string>>): Promise<Answer> =>
  send(handler, "POST", "/v1/embeddings", { input: "a" }, headers);

async function byHost(handler: Handler, host: string, header?: string): Promise<Answer> {
  const response = await handler.fetch(new Request(`http://${host}/v1/models`, { headers: header === undefined ? {} : { host: header } }));
  return { status: response.status, headers: response.headers, body: await response.json() };
}

describe("a key", () => {
  const handler = serverOf({ apiKey: "sk-secret" });

  it.each([
    {},
    { authorization: "Bearer sk-secre" },
    { authorization: "Bearer sk-secret2" },
    { authorization: "Basic sk-secret" },
    { authorization: "sk-secret" },
  ])("is needed: %j", async (headers) => {
    const answer = await embed(handler, headers);
    expectError(answer, 401, "unauthorized");
    expect(answer.headers.get("www-authenticate")).toBe("Bearer");
    expect(JSON.stringify(answer.body)).not.toContain("secret");
  });

  it("lets its holder in", async () => {
    expect((await embed(handler, { authorization: "Bearer sk-secret" })).status).toBe(200);
    expect((await embed(handler, { authorization: "bearer sk-secret" })).status).toBe(200);
  });

  it("is not needed to ask whether the server is well, and is for everything that says more", async () => {
    for (const path of ["/healthz", "/readyz", "/ping", "/openapi.json"]) expect((await send(handler, "GET", path)).status).toBe(200);
    for (const path of ["/v1/models", "/v1/indexes", "/v1/indexes/a/items/b/file"]) {
      expectError(await send(handler, "GET", path), 401, "unauthorized");
    }
  });

  it("is what a header can hold", () => {
    expect(() => serverOf({ apiKey: "" })).toThrow(TypeError);
    expect(() => serverOf({ apiKey: "钥匙" })).toThrow(TypeError);
    expect(() => serverOf({ apiKey: "a b" })).toThrow(TypeError);
  });
});

describe("a host name", () => {
  it.each(["127.0.0.1", "127.8.9.10:99", "localhost:8080", "LOCALHOST", "[::1]:8080"])("%s is of this machine", async (host) => {
    expect((await byHost(serverOf(), host)).status).toBe(200);
  });

  it.each(["evil.example", "127.0.0.1.evil.example", "localhost.evil.example", "192.168.0.4", "[::2]", "0.0.0.0"])(
    "%s, which may be rebound to this machine, is rejected without a key",
    async (host) => {
      expectError(await byHost(serverOf(), host), 403, "host-rejected");
      expect((await byHost(serverOf({ allowedHosts: ["*"] }), host)).status).toBe(200);
      expectError(await byHost(serverOf({ apiKey: "k" }), host), 401, "unauthorized");
    },
  );

  it("is looked at in the header, too", async () => {
    expectError(await byHost(serverOf(), "127.0.0.1", "evil.example"), 403, "host-rejected");
  });

  it("is one of those that are named", async () => {
    const handler = serverOf({ allowedHosts: ["photos.example"] });
    expect((await byHost(handler, "photos.example:8443")).status).toBe(200);
    expectError(await byHost(handler, "127.0.0.1"), 403, "host-rejected");
  });
});

describe("a web page", () => {
  it.each(["https://evil.example", "http://127.0.0.1:9999", "null", "http://localhost.evil.example"])(
    "of %s is rejected",
    async (origin) => {
      expectError(await embed(serverOf(), { origin }), 403, "origin-rejected");
      expectError(await send(serverOf(), "OPTIONS", "/v1/embeddings", undefined, { origin }), 403, "origin-rejected");
    },
  );

  it("of the server itself may call it", async () => {
    expect((await embed(serverOf(), { origin: "http://127.0.0.1:8080" })).status).toBe(200);
  });

  it("of an allowed origin may call it and read the answer, errors included", async () => {
    const handler = serverOf({ allowedOrigins: ["https://photos.example"] });
    const headers = { origin: "https://photos.example" };
    const preflight = await send(handler, "OPTIONS", "/v1/embeddings", undefined, headers);
    expect(preflight.status).toBe(204);
    expect(preflight.headers.get("access-control-allow-origin")).toBe("https://photos.example");
    expect(preflight.headers.get("access-control-allow-headers")).toContain("authorization");
    expect((await embed(handler, headers)).headers.get("access-control-allow-origin")).toBe("https://photos.example");
    const wrong = await send(handler, "POST", "/v1/embeddings", {}, headers);
    expect([wrong.status, wrong.headers.get("access-control-allow-origin")]).toEqual([400, "https://photos.example"]);
    expect((await embed(handler, {})).headers.get("access-control-allow-origin")).toBeNull();
  });

  it("cannot send what a form can", async () => {
    for (const type of ["text/plain", "application/x-www-form-urlencoded", "multipart/form-data; boundary=x"]) {
      const answer = await send(serverOf(), "POST", "/v1/embeddings", '{"input":"a"}', { "content-type": type });
      expectError(answer, 415, "unsupported-media-type");
    }
  });

  it("is named by its origin alone", () => {
    expect(() => serverOf({ allowedOrigins: ["https://photos.example/"] })).toThrow(TypeError);
    expect(() => serverOf({ allowedOrigins: ["*"] })).toThrow(TypeError);
  });
});

describe("options that calls without types give", () => {
  it.each([
    ["apiKey", null],
    ["apiKey", 5],
    ["allowedHosts", "localhost"],
    ["allowedHosts", [5]],
    ["allowedOrigins", null],
    ["modelAliases", "clip"],
    ["logitScale", Number.NaN],
    ["logitScale", "100"],
    ["allowUrls", "false"],
    ["limits", null],
    ["stores", null],
    ["page", null],
    ["embedder", undefined],
    ["embedder", {}],
    ["classifiers", { a: {} }],
  ])("%s: %j is rejected, and no key of its letters", (name, value) => {
    expect(() => serverOf({ [name]: value })).toThrow(new RegExp(`^createHandler: expected .*${name.replace(/s$/, "")}`));
  });

  it.each([undefined, null, "/healthz", {}])("%j is no request", async (value) => {
    await expect(serverOf({}).fetch(value as Request)).rejects.toThrow("fetch: expected a Request");
  });

  it("nothing is no options", () => {
    expect(() => createHandler(null as unknown as HandlerOptions)).toThrow("createHandler: expected options, got null");
  });
});
