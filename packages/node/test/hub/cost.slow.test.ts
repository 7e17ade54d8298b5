/**
 * Servers that would cost a client time, memory or disk without end, and files that change under one name.
 */
import { gzipSync } from "node:zlib";
import { expect, it, vi } from "vitest";
import { openModel } from "../../src/sources/open-model.js";
import { hubError, REPO, useHub } from "./hub-fixture.js";
import { type Fault } from "./hub-server.js";

const hub = useHub();

const open = (limits: { readonly fileBytes?: number } = {}): ReturnType<typeof openModel> =>
  openModel(REPO, { endpoint: hub.server.endpoint, cacheDir: hub.cacheDir, limits });

const COMMIT = "a".repeat(40);

/** A fault of one file's answers, which have this ETag and state no size. */
function answer(name: string, etag: string, body: Fault): void {
  hub.server.fault = (seen, response, bytes) => {
    if (!seen.path.endsWith(`/${name}`)) return false;
    response.setHeader("x-repo-commit", COMMIT).setHeader("etag", `"${etag}"`);
    if (seen.method === "HEAD") response.end();
    else body(seen, response, bytes);
    return true;
  };
}

it("I10 a small file without a length is written no further than the limit", async () => {
  answer("config.json", "plain", (_, response) => {
    const write = (): void => {
      while (!response.destroyed && response.write(Buffer.alloc(65_536, 32)));
      if (!response.destroyed) response.once("drain", write);
    };
    write();
    return true;
  });
  const model = await open({ fileBytes: 1_000_000 });
  const error = await hubError(model.readText("config.json"));
  expect(error).toMatchObject({ code: "integrity", details: { maxBytes: 1_000_000 } });
});

it("I10 a gzip answer is decompressed no further than the limit", async () => {
  answer("config.json", "plain", (_, response) => {
    response.setHeader("content-encoding", "gzip").end(gzipSync(Buffer.alloc(50_000_000, 32)));
    return true;
  });
  const model = await open({ fileBytes: 1_000_000 });
  expect(await hubError(model.readText("config.json"))).toMatchObject({ code: "integrity" });
});

it("I10 a listing that stops after one byte, or is endless, ends", async () => {
  vi.stubEnv("HF_HUB_ETAG_TIMEOUT", "0.2");
  hub.server.fault = (seen, response) => {
    if (!seen.path.startsWith("/api/")) return false;
    response.writeHead(200, { "content-type": "application/json" }).write("{");
    return true;
  };
  const start = performance.now();
  expect(await hubError(open())).toMatchObject({ code: "network" });
  expect(performance.now() - start).toBeLessThan(20_000);
  hub.server.fault = (seen, response) => {
    if (!seen.path.startsWith("/api/")) return false;
    const timer = setInterval(() => response.write(" "), 20);
    response.on("close", () => clearInterval(timer));
    return true;
  };
  expect(await hubError(open())).toMatchObject({ code: "network" });
});

it("I10 a byte before each reset is no progress", async () => {
  const model = await open();
  answer("config.json", "plain", (seen, response, bytes = new Uint8Array()) => {
    const from = Number(/\d+/u.exec(seen.headers.range ?? "0")?.[0]);
    void hub.server.send(seen, response, bytes, {}, from + 1);
    return true;
  });
  expect(await hubError(model.readText("config.json"))).toMatchObject({ code: "network" });
  expect(hub.server.gets("config.json").length).toBeLessThanOrEqual(6);
});

it("I14 bytes of two versions are not joined: a 206 with another ETag", async () => {
  const model = await open();
  let first = true;
  answer("config.json", "one", (seen, response, bytes = new Uint8Array()) => {
    const isFirst = first;
    first = false;
    void hub.server.send(seen, response, bytes, { etag: isFirst ? '"one"' : '"two"' }, isFirst ? 100 : Infinity);
    return true;
  });
  expect(await hubError(model.readText("config.json"))).toMatchObject({ code: "integrity" });
});

it("I14 two files under one plain ETag keep their own bytes", async () => {
  const model = await open();
  const files = hub.server.repos.get(REPO)?.files;
  for (const name of ["config.json", "preprocessor_config.json"]) {
    answer(name, "same", (seen, response, bytes = new Uint8Array()) => {
      void hub.server.send(seen, response, bytes, {});
      return true;
    });
    expect(await model.readText(name)).toBe(new TextDecoder().decode(files?.get(name)));
  }
});
