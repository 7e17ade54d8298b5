/**
 * Names from servers, files and callers; sources; and settings by the environment.
 */
import { createHash } from "node:crypto";
import { connect } from "node:net";
import { createServer } from "node:http";
import { once } from "node:events";
import { homedir } from "node:os";
import { join, resolve, sep } from "node:path";
import type { AddressInfo } from "node:net";
import fc from "fast-check";
import { describe, expect, it, vi } from "vitest";
import { parseSource } from "../../src/sources/model-source.js";
import { hashKind, createBlobHash } from "../../src/hub/blob-hash.js";
import { checkFileName, isSafeId, isSafePath, parseEtag } from "../../src/hub/hub-path.js";
import { readHubSettings } from "../../src/hub/hub-settings.js";
import { parseRetryAfter } from "../../src/hub/retry.js";
import { ChineseCLIPModel, ChineseCLIPProcessor, CheckpointError, HubError, ImageError, TokenizerError } from "../../src/index.js";
import { REPO, useHub } from "./hub-fixture.js";
import { end } from "./hub-server.js";

describe("names", () => {
  it("that are safe stay below their folder", () => {
    const parts = fc.array(fc.oneof(fc.constantFrom("..", ".", "", "a", "con", "C:", "\\", "~", "..\\", "a."), fc.string()), {
      maxLength: 4,
    });
    fc.assert(
      fc.property(parts, (names) => {
        const name = names.join("/");
        if (!isSafePath(name)) {
          expect(() => checkFileName(name)).toThrow(HubError);
          return;
        }
        const root = resolve("/cache/snapshots");
        expect(resolve(root, ...name.split("/")).startsWith(root + sep)).toBe(true);
        expect(join(root, name)).toBe(resolve(root, name));
      }),
      { numRuns: 2000 },
    );
  });

  it.each(["..", "a/../b", "/a", "a//b", "a\\b", "a\0", "C:a", "con", "NUL.txt", "com1", "a.", "a ", "", "a".repeat(256)])(
    "%j is none",
    (name) => {
      expect(isSafePath(name)).toBe(false);
    },
  );

  it.each(["config.json", "onnx/model.onnx", ".gitattributes", "clip_cn_vit-b-16.pt", "模型.bin", "console.txt", "a b"])(
    "%j is one",
    (name) => {
      expect(isSafePath(name)).toBe(true);
    },
  );

  it("of a folder by a server are one part", () => {
    const id = fc.oneof(fc.string(), fc.stringMatching(/^[\w.\-/\\]{0,8}$/u));
    fc.assert(
      fc.property(id, (text) => {
        if (isSafeId(text)) expect(resolve("/cache", text)).toBe(`${resolve("/cache")}${sep}${text}`);
      }),
    );
    expect(parseEtag('W/"abc"')).toBe("abc");
    expect(parseEtag('"../x"')).toBeUndefined();
    expect(parseEtag(null)).toBeUndefined();
  });

  it("are the hashes that git and sha256sum give", () => {
    expect(createBlobHash("git-sha1", 6).update("hello\n").digest("hex")).toBe("ce013625030ba8dba906f756967f9e9ca394464a");
    expect(hashKind(createHash("sha256").digest("hex"))).toBe("sha256");
    expect(hashKind("5f-abc")).toBeUndefined();
  });
});

describe("sources", () => {
  it.each([
    "./a/b",
    "../a",
    "/a/b",
    "~/a",
    "a/b/c",
    "C:\\a",
    "C:/a",
    "a\\b",
    "a",
    "a/b.pt",
    "a/model.safetensors",
    "a--b/c",
    "a/../b",
    "file:///a/b",
  ])("%j is a path", (source) => expect(parseSource(source).kind).toBe("path"));
  it.each(["OFA-Sys/chinese-clip-vit-base-patch16", "test/a.b_c", "modelscope:AI-ModelScope/chinese-clip-vit-base-patch16"])(
    "%j is a hub's",
    (source) => expect(parseSource(source).kind).toBe("hub"),
  );
  it("a path is absolute", () => {
    expect(parseSource("~/a")).toEqual({ kind: "path", path: join(homedir(), "a") });
    expect(parseSource("a/b")).toMatchObject({ path: resolve("a/b") });
  });
  it("any string is a source or the caller's mistake", () => {
    fc.assert(
      fc.property(
        fc.oneof(
          fc.string(),
          fc.string().map((text) => `modelscope:${text}`),
          fc.webUrl(),
        ),
        (text) => {
          try {
            parseSource(text);
          } catch (error) {
            expect(error instanceof TypeError || error instanceof RangeError).toBe(true);
          }
        },
      ),
    );
    // @ts-expect-error -- a number is no source
    expect(() => parseSource(7)).toThrow(TypeError);
    expect(() => parseSource("")).toThrow(RangeError);
    // @ts-expect-error -- nor does any class take one
    void (() => ChineseCLIPModel.fromPretrained(7));
  });
});

describe("settings", () => {
  it("by the environment, as Python reads it", async () => {
    const read = (environment: Record<string, string>) => readHubSettings("hugging-face", {}, environment);
    expect((await read({})).cacheDir).toBe(join(homedir(), ".cache", "huggingface", "hub"));
    expect((await read({ HF_HUB_CACHE: "~/x/$NAME/${NAME}", NAME: "y" })).cacheDir).toBe(join(homedir(), "x/y/y"));
    expect((await read({ HF_ENDPOINT: "https://mirror.example/" })).endpoints).toEqual(["https://mirror.example"]);
    expect((await read({ HF_HUB_OFFLINE: "yes" })).offline).toBe(true);
    expect((await read({ HF_HUB_OFFLINE: "0" })).offline).toBe(false);
    expect((await read({ HF_TOKEN: " hf_x\n" })).token).toBe("hf_x");
    expect((await read({ HF_TOKEN: "hf_x", HF_HUB_DISABLE_IMPLICIT_TOKEN: "1" })).token).toBeUndefined();
    await expect(read({ HF_ENDPOINT: "mirror" })).rejects.toThrow(RangeError);
    expect((await readHubSettings("modelscope", { endpoint: "https://hf.example" }, { MODELSCOPE_CACHE: "/ms" })).endpoints).toEqual(["https://modelscope.cn"]); // prettier-ignore
  });

  it("Retry-After is seconds or a date", () => {
    expect(parseRetryAfter("7")).toBe(7000);
    expect(parseRetryAfter("nonsense")).toBeUndefined();
    expect(parseRetryAfter(new Date(Date.now() + 5000).toUTCString())).toBeGreaterThan(3000);
    expect(parseRetryAfter("Thu, 01 Jan 1970 00:00:00 GMT")).toBe(0);
  });
});

describe("answers", () => {
  const hub = useHub();

  it("of any kind end in a model or in an error of ours", async () => {
    const body = fc.oneof(
      fc.json(),
      fc.string(),
      fc.record({ sha: fc.string(), siblings: fc.anything() }).map((value) => JSON.stringify(value) ?? ""),
    );
    const headers = fc.dictionary(
      fc.constantFrom("x-repo-commit", "etag", "x-linked-etag", "x-linked-size", "location", "content-type", "x-error-code"),
      fc.oneof(
        fc.constantFrom("a".repeat(40), '"abc"', "12", "/x", "http://127.0.0.1:1/"),
        fc.string().map((text) => text.replaceAll(/[^ -~]/gu, "")),
      ),
    );
    const answer = fc.record({ status: fc.constantFrom(200, 204, 206, 301, 302, 400, 401, 403, 404, 405, 410, 416, 418), headers, body });
    let run = 0;
    await fc.assert(
      fc.asyncProperty(answer, async ({ status, headers: given, body: text }) => {
        hub.server.fault = (_, response) => (end(response, status, given, status === 204 ? "" : text), true);
        const error: unknown = await ChineseCLIPProcessor.fromPretrained(REPO, {
          endpoint: hub.server.endpoint,
          cacheDir: join(hub.cacheDir, String(run++)),
          fetch: async (url, init) => {
            // A redirect to somewhere else must not end in a request to somewhere else, nor in retries of it.
            if (!url.startsWith(hub.server.endpoint)) return new Response(null, { status: 404 });
            return fetch(url, init);
          },
        }).catch((reason: unknown) => reason);
        const kinds = [HubError, CheckpointError, TokenizerError, ImageError, ChineseCLIPProcessor];
        expect(
          kinds.some((kind) => error instanceof kind),
          String(error),
        ).toBe(true);
      }),
      { numRuns: 60 },
    );
  });

  it.each<[name: string, value: (address: string) => string]>([
    ["http_proxy", (address) => `http://user:secret@${address}`],
    ["http_proxy", (address) => `user:secret@${address}`],
    ["all_proxy", (address) => `user:secret@${address}`],
  ])("E1 come through a proxy where %s names one, with or without a scheme", async (name, value) => {
    const seen: string[] = [];
    const proxy = createServer((_, response) => end(response, 500));
    proxy.on("connect", (request, socket) => {
      seen.push(`${request.url} ${String(request.headers["proxy-authorization"])}`);
      const [host = "", port = ""] = request.url?.split(":") ?? [];
      const target = connect(Number(port), host, () => {
        socket.write("HTTP/1.1 200 Connection established\r\n\r\n");
        target.pipe(socket).pipe(target);
      });
      target.on("error", () => socket.destroy());
      socket.on("error", () => target.destroy());
    });
    proxy.listen(0, "127.0.0.1");
    await once(proxy, "listening");
    const address = `127.0.0.1:${(proxy.address() as AddressInfo).port}`;
    const load = () => ChineseCLIPProcessor.fromPretrained(REPO, { endpoint: hub.server.endpoint, cacheDir: hub.cacheDir });
    vi.stubEnv(name, value(address));
    vi.stubEnv("no_proxy", "127.0.0.1");
    await load();
    expect(seen).toEqual([]);
    vi.stubEnv("no_proxy", "example.com");
    await load();
    expect(seen.length).toBeGreaterThan(0);
    expect(seen[0]).toBe(`${hub.server.endpoint.slice(7)} Basic ${btoa("user:secret")}`);
    proxy.close();
    proxy.closeAllConnections();
  });
});

describe("I17 an endpoint with a name and a password", () => {
  const hub = useHub();
  const withPassword = (): string => hub.server.endpoint.replace("http://", "http://me:pa%25ss@");
  const load = (endpoint: string, more: object = {}): Promise<unknown> =>
    ChineseCLIPProcessor.fromPretrained(REPO, { endpoint, cacheDir: hub.cacheDir, ...more });

  it("I17 gets them as a header, and no other host does", async () => {
    await ChineseCLIPModel.fromPretrained(REPO, { endpoint: withPassword(), cacheDir: hub.cacheDir });
    const sent = (isCdn: boolean): unknown[] =>
      hub.server.requests.filter((seen) => seen.isCdn === isCdn).map(({ headers }) => headers.authorization);
    expect(new Set(sent(false))).toEqual(new Set([`Basic ${btoa("me:pa%ss")}`]));
    expect(new Set(sent(true))).toEqual(new Set([undefined]));
  });

  it("I17 is shown without them, in messages, details, causes and progress", async () => {
    const told: unknown[] = [];
    const onProgress = (event: unknown): void => void told.push(event);
    hub.server.fault = (_, response) => (response.destroy(), true);
    const lost = await load(withPassword(), { onProgress }).catch((error: unknown) => error);
    hub.server.fault = (_, response) => (end(response, 403), true);
    const refused = await load(withPassword(), { onProgress }).catch((error: unknown) => error);
    const invalid = await load("ftp://me:hunter2@host").catch((error: unknown) => error);
    for (const error of [lost, refused, invalid]) {
      expect(error).toBeInstanceOf(Error);
      for (let one: unknown = error; one instanceof Error; one = one.cause)
        expect(`${one.stack} ${one.message} ${JSON.stringify(Object.entries(one))}`).not.toMatch(/pa%25ss|pa%ss|hunter2/);
    }
    expect(JSON.stringify(told)).not.toContain("pa%25ss");
  });
});

describe("E1 a proxy", () => {
  const hub = useHub();
  const settings = (environment: Record<string, string>): Promise<unknown> =>
    readHubSettings("hugging-face", { cacheDir: hub.cacheDir }, environment);

  it.each<[Record<string, string>, string]>([
    [
      { https_proxy: "ftp://me:secret@host" },
      "expected https_proxy to be the address of an HTTP proxy, such as http://127.0.0.1:7890, got ftp://***@host",
    ],
    [
      { ALL_PROXY: "socks5://127.0.0.1:1080" },
      "expected ALL_PROXY to be the address of an HTTP proxy, such as http://127.0.0.1:7890, got socks5://127.0.0.1:1080",
    ],
    [{ HTTP_PROXY: "http://a b" }, "expected HTTP_PROXY to be"],
    [{ HTTPS_PROXY: "127.0.0.1:port" }, "expected HTTPS_PROXY to be"],
  ])("E1 %j: the variable is named", async (environment, message) => {
    await expect(settings(environment)).rejects.toThrow(message);
  });

  it.each<Record<string, string>>([
    { https_proxy: "127.0.0.1:7890" },
    { HTTPS_PROXY: "user:secret@proxy:7890", ALL_PROXY: "socks5://127.0.0.1:1080", HTTP_PROXY: "proxy" },
    { all_proxy: " http://127.0.0.1:7890 " },
    { http_proxy: "[::1]:7890" },
    { https_proxy: "" },
  ])("E1 %j is one", async (environment) => {
    await expect(settings(environment)).resolves.toBeDefined();
  });
});

it("I17 a source that is none is shown without passwords and in part", () => {
  expect(() => parseSource("file://host/x")).toThrow("fromPretrained: expected a path, a file: URL of this machine");
  expect(() => parseSource("https://user:secret@host/x")).toThrow("got https://***@host/x");
  expect(() => parseSource(new URL("https://user:secret@host/x"))).toThrow("got https://***@host/x");
  expect(() => parseSource(`modelscope:${"a".repeat(1_000_000)}`)).toThrow(/^.{1,400}$/u);
});
