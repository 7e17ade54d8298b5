/**
 * A hub on this machine: Hugging Face's protocol and ModelScope's, with a CDN on another port, and faults on demand.
 */
import { createHash } from "node:crypto";
import { once } from "node:events";
import { readFile } from "node:fs/promises";
import { createServer, type IncomingMessage, type Server, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";

const TINY = new URL("../../../../fixtures/tiny-vit/", import.meta.url);

export interface SeenRequest {
  readonly method: string;
  readonly path: string;
  readonly headers: IncomingMessage["headers"];
  readonly isCdn: boolean;
}

export interface ServedRepo {
  commit: string;
  readonly files: Map<string, Uint8Array>;
}

/** Takes over the answer where it returns true. */
export type Fault = (seen: SeenRequest, response: ServerResponse, bytes: Uint8Array | undefined) => boolean;

export const sha256 = (bytes: Uint8Array): string => createHash("sha256").update(bytes).digest("hex");
export const gitSha1 = (bytes: Uint8Array): string => createHash("sha1").update(`blob ${bytes.length}\0`).update(bytes).digest("hex");
export const isLarge = (name: string): boolean => /\.(?:safetensors|bin|pt)$/u.test(name);
export const etagOf = (name: string, bytes: Uint8Array): string => (isLarge(name) ? sha256(bytes) : gitSha1(bytes));

export class HubServer {
  readonly repos = new Map<string, ServedRepo>();
  readonly requests: SeenRequest[] = [];
  /** Whether there is `/api`, as mirrors may not have. */
  hasApi = true;
  /** Without it, every file is private. */
  token: string | undefined;
  fault: Fault | undefined;
  /** Milliseconds between pieces of 64 KiB; 0 sends at once. */
  delay = 0;
  endpoint = "";
  cdn = "";
  readonly #hub: Server;
  readonly #cdn: Server;

  private constructor() {
    this.#hub = createServer((request, response) => this.#answer(request, response, false));
    this.#cdn = createServer((request, response) => this.#answer(request, response, true));
  }

  /** A hub with `fixtures/tiny-vit` as `test/tiny-vit`. */
  static async start(): Promise<HubServer> {
    const server = new HubServer();
    for (const one of [server.#hub, server.#cdn]) {
      one.listen(0, "127.0.0.1");
      await once(one, "listening");
    }
    server.endpoint = `http://127.0.0.1:${(server.#hub.address() as AddressInfo).port}`;
    // Another name, as Python tells hosts apart without their ports.
    server.cdn = `http://localhost:${(server.#cdn.address() as AddressInfo).port}`;
    const files = new Map<string, Uint8Array>();
    for (const name of ["config.json", "preprocessor_config.json", "vocab.txt", "model.safetensors"])
      files.set(name, await readFile(new URL(name, TINY)));
    files.set("README.md", new TextEncoder().encode("# tiny\n"));
    server.repos.set("test/tiny-vit", { commit: "a".repeat(40), files });
    return server;
  }

  /** Bodies that were asked for of one file, or of all. */
  gets(name = ""): SeenRequest[] {
    return this.requests.filter(({ method, path }) => method === "GET" && /^\/blob\/|\/resolve\//u.test(path) && path.endsWith(name));
  }

  async close(): Promise<void> {
    for (const one of [this.#hub, this.#cdn]) {
      if (!one.listening) continue;
      one.close();
      one.closeAllConnections();
      await once(one, "close");
    }
  }

  #answer(request: IncomingMessage, response: ServerResponse, isCdn: boolean): void {
    const seen: SeenRequest = { method: request.method ?? "", path: request.url ?? "", headers: request.headers, isCdn };
    this.requests.push(seen);
    const path = decoded(seen.path);
    if (path === undefined) return end(response, 400);
    if (isCdn) {
      const [, repo = "", name = ""] = /^\/blob\/([^/]+\/[^/]+)\/(.+)$/u.exec(path) ?? [];
      const bytes = this.repos.get(repo)?.files.get(name);
      if (this.fault?.(seen, response, bytes) === true) return;
      if (bytes === undefined) return end(response, 404);
      // A CDN's ETag is its own.
      return void this.send(seen, response, bytes, { etag: `"${createHash("md5").update(bytes).digest("hex")}"` });
    }
    const [, api, revision] = /^\/api\/models\/([^/]+\/[^/]+)\/revision\/(.+)$/u.exec(path) ?? [];
    const [, file, asked, name = ""] = /^\/([^/]+\/[^/]+)\/resolve\/(refs\/pr\/\d+|[^/]+)\/(.+)$/u.exec(path) ?? [];
    const repo = this.repos.get(api ?? file ?? "");
    const bytes = repo?.files.get(name);
    if (this.fault?.(seen, response, bytes) === true) return;
    if (path.startsWith("/api/v1/")) return this.#modelScope(seen, response, new URL(seen.path, this.endpoint));
    if (api !== undefined && !this.hasApi) return end(response, 404);
    if (api === undefined && file === undefined) return end(response, 404);
    if (this.token !== undefined && request.headers.authorization !== `Bearer ${this.token}`)
      return end(response, 401, { "x-error-code": "GatedRepo", "x-error-message": "Access to this model is restricted" });
    if (repo === undefined) return end(response, 404, { "x-error-code": "RepoNotFound" });
    if (!["main", "v1", "refs/pr/1", repo.commit].includes(revision ?? asked ?? ""))
      return end(response, 404, { "x-error-code": "RevisionNotFound" });
    if (api !== undefined) {
      const siblings = [...repo.files.keys()].map((rfilename) => ({ rfilename }));
      return end(response, 200, { "content-type": "application/json" }, JSON.stringify({ id: api, sha: repo.commit, siblings }));
    }
    const headers = { "x-repo-commit": repo.commit };
    if (bytes === undefined) return end(response, 404, { ...headers, "x-error-code": "EntryNotFound" });
    if (!isLarge(name)) return void this.send(seen, response, bytes, { ...headers, etag: `"${gitSha1(bytes)}"` });
    end(response, 302, {
      ...headers,
      "x-linked-etag": `"${sha256(bytes)}"`,
      "x-linked-size": String(bytes.length),
      location: `${this.cdn}/blob/${file}/${encodeURIComponent(name)}`,
    });
  }

  #modelScope(seen: SeenRequest, response: ServerResponse, url: URL): void {
    const [, name, rest] = /^\/api\/v1\/models\/([^/]+\/[^/]+)\/repo(\/files)?$/u.exec(url.pathname) ?? [];
    const repo = this.repos.get(name ?? "");
    if (repo === undefined || url.searchParams.get("Revision") !== "master") return end(response, 404);
    if (rest === "/files") {
      const files = [...repo.files].map(([path, bytes]) => ({
        Type: "blob",
        Path: path,
        Name: path,
        Size: bytes.length,
        Sha256: sha256(bytes),
      }));
      const Data = { Files: [{ Type: "tree", Path: "folder", Name: "folder", Size: 0, Sha256: "" }, ...files] };
      return end(
        response,
        200,
        { "content-type": "application/json" },
        JSON.stringify({ Code: 200, Data, Message: "success", Success: true }),
      );
    }
    const bytes = repo.files.get(url.searchParams.get("FilePath") ?? "");
    if (bytes === undefined) return end(response, 404);
    void this.send(seen, response, bytes, {});
  }

  /** A file's bytes, or the range of them that was asked for. */
  async send(
    seen: SeenRequest,
    response: ServerResponse,
    bytes: Uint8Array,
    headers: Record<string, string>,
    stopAfter = Infinity,
  ): Promise<void> {
    const [, from] = /^bytes=(\d+)-$/u.exec(seen.headers.range ?? "") ?? [];
    const start = Number(from ?? 0);
    if (start >= bytes.length && from !== undefined) return end(response, 416, { "content-range": `bytes */${bytes.length}` });
    const body = bytes.subarray(start);
    response.writeHead(from === undefined ? 200 : 206, {
      "content-type": "application/octet-stream",
      "accept-ranges": "bytes",
      "content-length": body.length,
      ...(from === undefined ? {} : { "content-range": `bytes ${start}-${bytes.length - 1}/${bytes.length}` }),
      ...headers,
    });
    if (seen.method === "HEAD") return void response.end();
    for (let at = 0; at < body.length && !response.destroyed; at += 65_536) {
      const piece = body.subarray(at, Math.min(at + 65_536, stopAfter - start));
      if (piece.length > 0) await new Promise((resolve) => response.write(piece, resolve));
      if (start + at + piece.length >= stopAfter) return void response.destroy();
      if (this.delay > 0) await new Promise((resolve) => setTimeout(resolve, this.delay));
    }
    response.end();
  }
}

export function end(response: ServerResponse, status: number, headers: Record<string, string> = {}, body = ""): void {
  response.writeHead(status, { "content-length": String(Buffer.byteLength(body)), ...headers });
  response.end(response.req.method === "HEAD" ? undefined : body);
}

/** A path without its percent signs; undefined for one that is no UTF-8, which a fuzzed client may send. */
function decoded(path: string): string | undefined {
  try {
    return decodeURIComponent(path);
  } catch {
    return undefined;
  }
}
