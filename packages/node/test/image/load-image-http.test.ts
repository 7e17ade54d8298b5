import { readFileSync } from "node:fs";
import { createServer, type RequestListener, type Server } from "node:http";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { loadImage } from "../../src/image/load-image.js";
import { imageError } from "./image-error.js";
import { listen } from "./listen.js";

const png = readFileSync(new URL("../../../../fixtures/images/small.png", import.meta.url));

/** The test server is on this machine. */
const LOCAL = { allowPrivateAddresses: true } as const;

let server: Server;
let origin: string;
/** Resolves when the server sees the transfer of `/endless` or `/slow` end before its time. */
let closed: Promise<void>;

const ROUTES: Record<string, RequestListener> = {
  "/small.png": (_, response) => response.end(png),
  "/wrong-type": (_, response) => response.setHeader("content-type", "text/plain").end(png),
  "/moved": (_, response) => response.writeHead(302, { location: "/small.png" }).end(),
  "/loop": (_, response) => response.writeHead(302, { location: "/loop" }).end(),
  "/to-file": (_, response) => response.writeHead(302, { location: "file:///etc/hostname" }).end(),
  "/gone": (_, response) => response.writeHead(404).end("<html>Not found</html>"),
  "/broken": (_, response) => response.writeHead(503, "Try later").end(),
  "/page": (_, response) => response.end("<!doctype html><title>Sign in</title>"),
  "/empty": (_, response) => response.writeHead(204).end(),
  "/claims-much": (_, response) => response.setHeader("content-length", 10_000_000).write(png),
  "/cut": (_, response) => {
    response.setHeader("content-length", png.length).write(png.subarray(0, 100), () => response.destroy());
  },
  "/endless": (_, response) => {
    closed = new Promise((resolve) => response.on("close", resolve));
    const write = (): void => {
      while (!response.destroyed && response.write(png));
      if (!response.destroyed) response.once("drain", write);
    };
    write();
  },
  "/slow": (_, response) => {
    closed = new Promise((resolve) => response.on("close", resolve));
    response.write(png.subarray(0, 100));
  },
  "/silent": () => undefined,
};

beforeAll(async () => {
  server = createServer((request, response) => ROUTES[request.url ?? ""]?.(request, response));
  origin = await listen(server);
});
afterAll(async () => {
  server.closeAllConnections();
  await new Promise((resolve) => server.close(resolve));
});

describe("http", () => {
  it("fetches, follows redirects, and looks at bytes instead of types", async () => {
    const reference = await loadImage(png);
    for (const path of ["/small.png", "/moved", "/wrong-type"]) {
      expect(await loadImage(origin + path, LOCAL)).toEqual(reference);
      expect(await loadImage(new URL(origin + path), LOCAL)).toEqual(reference);
    }
  });

  it("names the URL and the status", async () => {
    expect(await imageError(loadImage(`${origin}/gone`, LOCAL))).toMatchObject({
      code: "unreadable",
      message: `${origin}/gone: expected a successful answer, got HTTP status 404 Not Found`,
      details: { source: `${origin}/gone`, status: 404 },
    });
    expect(await imageError(loadImage(`${origin}/broken`, LOCAL))).toMatchObject({ code: "unreadable", details: { status: 503 } });
    for (const path of ["/loop", "/to-file", "/cut"])
      expect(await imageError(loadImage(origin + path, LOCAL))).toMatchObject({ code: "unreadable", details: { source: origin + path } });
    const refused = await imageError(loadImage("http://127.0.0.1:1/a.png", LOCAL));
    expect(refused.code).toBe("unreadable");
    expect(refused.message).toMatch(/ECONNREFUSED|bad port/);
  });

  it("says that a page is no image", async () => {
    const error = await imageError(loadImage(`${origin}/page`, LOCAL));
    expect(error.code).toBe("unknown-format");
    expect(error.message).toContain("an HTML page");
    expect(error.message).toContain(`${origin}/page`);
    expect((await imageError(loadImage(`${origin}/empty`, LOCAL))).code).toBe("unknown-format");
  });

  it("stops at maxBytes, whether or not a length was stated", async () => {
    expect(await imageError(loadImage(`${origin}/claims-much`, { ...LOCAL, maxBytes: 1_000_000 }))).toMatchObject({
      code: "too-large",
      details: { byteLength: 10_000_000 },
    });
    expect(await imageError(loadImage(`${origin}/endless`, { ...LOCAL, maxBytes: 1_000_000 }))).toMatchObject({ code: "too-large" });
    await closed;
  });

  it("rejects with the signal's reason before, during and without an answer", async () => {
    const reason = new Error("enough");
    await expect(loadImage(`${origin}/small.png`, { ...LOCAL, signal: AbortSignal.abort(reason) })).rejects.toBe(reason);
    for (const path of ["/slow", "/silent"]) {
      const controller = new AbortController();
      const loading = loadImage(origin + path, { ...LOCAL, signal: controller.signal });
      setTimeout(() => controller.abort(reason), 50);
      await expect(loading).rejects.toBe(reason);
    }
    await closed;
  });
});
