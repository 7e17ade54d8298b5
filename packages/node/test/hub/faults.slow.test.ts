/**
 * Connections and servers that fail. Each fault ends in a good file or a clear error; the next call succeeds; nothing partial is ever
 * visible under a file's name.
 */
import { mkdir, rm, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { gzipSync } from "node:zlib";
import { describe, expect, it, vi } from "vitest";
import { ChineseCLIPModel } from "../../src/index.js";
import { expectCache, FOLDER, hubError, partialPath, REPO, servedWeights, tree, useHub } from "./hub-fixture.js";
import { end, type Fault, gitSha1 } from "./hub-server.js";

const hub = useHub();

const load = (more: object = {}): Promise<ChineseCLIPModel> =>
  ChineseCLIPModel.fromPretrained(REPO, { endpoint: hub.server.endpoint, cacheDir: hub.cacheDir, ...more });
const folder = (): string => join(hub.cacheDir, FOLDER);
const weights = (): Uint8Array => servedWeights(hub.server);

/** A fault of the answers that carry the weights, the first `times` times. */
function faultyWeights(times: number, fault: Fault): void {
  let left = times;
  hub.server.fault = (seen, response, bytes) => seen.isCdn && seen.method === "GET" && left-- > 0 && fault(seen, response, bytes);
}

describe("a connection that is cut", () => {
  for (let tenth = 0; tenth <= 9; tenth++) {
    it(`at ${tenth}0% goes on from there`, async () => {
      const at = Math.floor((weights().length * tenth) / 10);
      faultyWeights(1, (seen, response, bytes = new Uint8Array()) => {
        void hub.server.send(seen, response, bytes, {}, at);
        return true;
      });
      await load();
      await expectCache(hub, { weights: true });
      const ranges = hub.server.gets("model.safetensors").filter(({ isCdn }) => isCdn).map(({ headers }) => headers.range); // prettier-ignore
      expect(ranges).toHaveLength(2);
      // What the kernel still held when the connection broke may be lost.
      if (ranges[1] !== undefined) expect(Number(ranges[1].slice(6, -1))).toBeLessThanOrEqual(at);
    });
  }

  it("every tenth of the way, again and again, still ends in the file", async () => {
    const step = Math.ceil(weights().length / 10);
    hub.server.fault = (seen, response, bytes = new Uint8Array()) => {
      if (!seen.isCdn) return false;
      const from = Number(/\d+/u.exec(seen.headers.range ?? "0")?.[0]);
      void hub.server.send(seen, response, bytes, {}, from + step);
      return true;
    };
    await load();
    await expectCache(hub, { weights: true });
  });

  it("forever is given up, and the next call goes on", async () => {
    faultyWeights(Infinity, (seen, response, bytes = new Uint8Array()) => {
      void hub.server.send(seen, response, bytes, {}, seen.headers.range === undefined ? 500_000 : 0);
      return true;
    });
    const error = await hubError(load());
    expect(error.code).toBe("network");
    await expectCache(hub, { weights: false, partial: true });
    hub.server.fault = undefined;
    await load();
    await expectCache(hub, { weights: true });
    expect(hub.server.gets("model.safetensors").at(-1)?.headers.range).toMatch(/^bytes=\d{5,}-$/u);
  });

  it("or silent is noticed, and the download goes on", async () => {
    vi.stubEnv("HF_HUB_DOWNLOAD_TIMEOUT", "1");
    faultyWeights(1, (_, response, bytes = new Uint8Array()) => {
      response.writeHead(200, { "content-length": bytes.length });
      response.write(bytes.subarray(0, 100_000));
      return true;
    });
    await load();
    await expectCache(hub, { weights: true });
  });

  it("goes on at a server without ranges from the start", async () => {
    hub.server.fault = (seen, response, bytes = new Uint8Array()) => {
      if (!seen.isCdn) return false;
      const isFirst = seen.headers.range === undefined;
      void hub.server.send({ ...seen, headers: {} }, response, bytes, {}, isFirst ? 300_000 : Infinity);
      return true;
    };
    await load();
    await expectCache(hub, { weights: true });
  });

  it("is no reason to believe a partial file that was spoiled", async () => {
    await mkdir(join(folder(), "blobs"), { recursive: true });
    await writeFile(partialPath(hub), new Uint8Array(600_000).fill(7));
    await load();
    await expectCache(hub, { weights: true });
    await rm(folder(), { recursive: true });
    await mkdir(join(folder(), "blobs"), { recursive: true });
    await writeFile(partialPath(hub), new Uint8Array(weights().length + 5));
    await load();
    await expectCache(hub, { weights: true });
    await rm(folder(), { recursive: true });
    await mkdir(join(folder(), "blobs"), { recursive: true });
    await writeFile(partialPath(hub), weights());
    hub.server.requests.length = 0;
    await load();
    expect(hub.server.gets("model.safetensors")).toEqual([]);
  });
});

describe("a server that fails", () => {
  it("with 429 is asked again when it says", async () => {
    let asked = 0;
    const times: number[] = [];
    hub.server.fault = (seen, response) => {
      if (!seen.isCdn) return false;
      times.push(performance.now());
      if (asked++ > 0) return false;
      end(response, 429, { "retry-after": "1" });
      return true;
    };
    await load();
    await expectCache(hub, { weights: true });
    expect((times[1] ?? 0) - (times[0] ?? 0)).toBeGreaterThan(990);
  });

  it("with 429 for an hour is reported at once", async () => {
    hub.server.fault = (_, response) => (end(response, 429, { "retry-after": "3600" }), true);
    const error = await hubError(load());
    expect(error).toMatchObject({ code: "rate-limited", details: { status: 429, retryAfterMs: 3_600_000 } });
    expect(error.message).toMatch(/3600 s.*HF_TOKEN.*HF_ENDPOINT/su);
    expect(hub.server.requests).toHaveLength(1);
    hub.server.fault = undefined;
    await load();
    await expectCache(hub, { weights: true });
  });

  it("with 5xx is asked again, five times at most", async () => {
    faultyWeights(2, (_, response) => (end(response, 503), true));
    await load();
    await expectCache(hub, { weights: true });
    await rm(folder(), { recursive: true });
    hub.server.fault = (seen, response) => seen.method === "HEAD" && (end(response, 500), true);
    hub.server.requests.length = 0;
    const error = await hubError(load());
    expect(error).toMatchObject({ code: "server", details: { status: 500 } });
    expect(hub.server.requests.filter(({ method }) => method === "HEAD")).toHaveLength(5);
    hub.server.fault = undefined;
    await load();
    await expectCache(hub, { weights: true });
  });

  it.each([
    ["too short", (bytes: Uint8Array) => bytes.subarray(0, bytes.length - 1)],
    ["too long", (bytes: Uint8Array) => new Uint8Array([...bytes, 0])],
    ["with a wrong bit", (bytes: Uint8Array) => bytes.map((byte, i) => (i === 777 ? byte ^ 1 : byte))],
  ])("with a file that is %s is refused, and nothing kept", async (_, spoil) => {
    faultyWeights(Infinity, (seen, response, bytes = new Uint8Array()) => {
      void hub.server.send(seen, response, spoil(bytes), {});
      return true;
    });
    const error = await hubError(load());
    expect(error.code).toBe("integrity");
    expect(error.message).toMatch(/expected .*, got .*HF_ENDPOINT/su);
    await expectCache(hub, { weights: false });
    hub.server.fault = undefined;
    await load();
    await expectCache(hub, { weights: true });
  });

  it("with a file longer than it said, in chunks, is refused", async () => {
    faultyWeights(Infinity, (_, response, bytes = new Uint8Array()) => {
      response.writeHead(200, { "content-type": "application/octet-stream" });
      response.write(bytes);
      response.end("more");
      return true;
    });
    expect((await hubError(load())).code).toBe("integrity");
    await expectCache(hub, { weights: false });
  });

  it("with a wrong small file is refused too, by git's hash", async () => {
    hub.server.fault = (seen, response, bytes = new Uint8Array()) => {
      if (seen.method !== "GET" || !seen.path.endsWith("/config.json")) return false;
      void hub.server.send(seen, response, bytes.map((byte, i) => (i === 5 ? 32 : byte)), {}); // prettier-ignore
      return true;
    };
    expect((await hubError(load())).code).toBe("integrity");
    expect(await tree(join(folder(), "snapshots"))).toEqual([]);
  });

  it("with compression that nobody asked for is understood", async () => {
    hub.server.fault = (seen, response, bytes = new Uint8Array()) => {
      if (!seen.path.endsWith("/config.json")) return false;
      const body = gzipSync(bytes);
      const commit = "a".repeat(40);
      response.writeHead(200, {
        "x-repo-commit": commit,
        etag: `"${gitSha1(bytes)}"`,
        "content-encoding": "gzip",
        "content-length": body.length,
      });
      response.end(seen.method === "HEAD" ? undefined : body);
      return true;
    };
    await load();
    await expectCache(hub, { weights: true });
  });

  it("with a web page is refused", async () => {
    const page = "<!DOCTYPE html><html><body>Log in to the network</body></html>";
    faultyWeights(Infinity, (_, response) => (end(response, 200, { "content-type": "text/html; charset=utf-8" }, page), true));
    const error = await hubError(load());
    expect(error.code).toBe("integrity");
    expect(error.message).toMatch(/web page.*browser/su);
    await expectCache(hub, { weights: false });
    // A login page in front of everything says neither what the commit is nor what the file is.
    hub.server.fault = (_, response) => (end(response, 200, { "content-type": "text/html" }, page), true);
    expect((await hubError(load({ revision: "v1" }))).code).toBe("server");
    hub.server.fault = undefined;
    await load();
    await expectCache(hub, { weights: true });
  });

  it("with a page in place of a file whose ETag is no hash", async () => {
    hub.server.fault = (seen, response) => {
      if (!seen.path.endsWith("/config.json")) return false;
      const headers = { "x-repo-commit": "a".repeat(40), etag: 'W/"5f-abc"' };
      end(response, 200, headers, "<html><body>hello</body></html>");
      return true;
    };
    expect((await hubError(load())).code).toBe("integrity");
  });

  it("with names that lead out of the cache writes nothing there", async () => {
    const evil = ["../../evil", "/evil", "a\\..\\evil", "..", "con", "evil\0"];
    for (const header of ["etag", "x-repo-commit"]) {
      for (const value of ["../../evil", "..", "a/b", "con", ".hidden/../x"]) {
        hub.server.fault = (seen, response) => {
          if (!seen.path.endsWith("/config.json")) return false;
          end(response, 200, { "x-repo-commit": "a".repeat(40), etag: '"abc"', [header]: value }, seen.method === "GET" ? "{}" : "");
          return true;
        };
        expect((await hubError(load({ revision: "v1" }))).code).toBe("server");
      }
    }
    hub.server.fault = (seen, response) => {
      if (!seen.path.startsWith("/api/")) return false;
      end(
        response,
        200,
        {},
        JSON.stringify({ sha: "a".repeat(40), siblings: [...evil, "config.json"].map((rfilename) => ({ rfilename })) }),
      );
      return true;
    };
    await expect(load()).rejects.toMatchObject({ code: "missing-file" });
    expect((await tree(hub.cacheDir)).filter((path) => path.includes("evil"))).toEqual([]);
    hub.server.fault = (seen, response) => seen.path.startsWith("/api/") && (end(response, 200, {}, '{"sha":"../../x"}'), true);
    await load();
  });
});
