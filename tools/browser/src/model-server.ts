/**
 * A static server that counts what it sends, and that can be as bad as servers are: without ranges, with connections
 * that break, with files that are damaged.
 */
import { createServer, type IncomingMessage, type ServerResponse } from "node:http";
import { open, readFile, stat } from "node:fs/promises";
import { dirname, join } from "node:path";
import { createRequire } from "node:module";
import { fileURLToPath } from "node:url";

const root = fileURLToPath(new URL("../../../", import.meta.url));
const ort = dirname(createRequire(import.meta.url).resolve("onnxruntime-web"));

/** What the server does. */
export interface ServerOptions {
  /** Sends the headers that make a page cross-origin isolated, which threads need. Default false. */
  readonly isolated?: boolean;
  /** Path prefixes to folders, besides those that every test needs. */
  readonly folders?: Readonly<Record<string, string>>;
}

/** One answer that was given. */
export interface Answered {
  readonly path: string;
  readonly range: string | undefined;
  readonly status: number;
  /** Bytes of the body that were sent. */
  bytes: number;
}

const TYPES: Readonly<Record<string, string>> = {
  html: "text/html; charset=utf-8",
  js: "text/javascript",
  mjs: "text/javascript",
  css: "text/css",
  json: "application/json",
  wasm: "application/wasm",
  png: "image/png",
  jpg: "image/jpeg",
  webp: "image/webp",
};

const PAGE = `<!doctype html><meta charset="utf-8"><link rel="icon" href="data:,"><script type="module">
import * as lib from "/lib/index.js"; globalThis.lib = lib;</script>`;

/** A running server. */
export class ModelServer {
  readonly answers: Answered[] = [];
  /** Whether ranges are honoured. */
  ranges = true;
  /** Where the connection of the next answer is cut: the end of its path, and bytes that are sent before. */
  cut: { readonly path: string; readonly after: number; times: number } | undefined;
  /** Paths whose connections are closed without an answer, or, where there is a status, that get an empty answer. */
  refuse: RegExp | undefined;
  refuseStatus: number | undefined;
  /** Whether nothing is answered any more for a path whose connection was cut. */
  refuseAfterCut = false;
  /** Makes every file's ETag another one. */
  version = "";
  /** The byte at this place of the file whose path ends so is sent wrong. */
  corrupt: { readonly path: string; readonly at: number } | undefined;
  /** Headers by the end of the path. */
  headers: Readonly<Record<string, Readonly<Record<string, string>>>> = {};
  readonly #server = createServer((request, response) => void this.#answer(request, response));
  readonly #options: ServerOptions;
  readonly #folders: readonly (readonly [string, string])[];

  private constructor(options: ServerOptions) {
    this.#options = options;
    this.#folders = Object.entries({
      "/lib/": join(root, "packages", "web", "dist", "standalone"),
      "/ort/": ort,
      "/demo/": join(root, "examples", "demo-checkpoint"),
      "/pictures/": join(root, "examples", "pictures"),
      "/fixtures/": join(root, "fixtures"),
      ...options.folders,
    });
  }

  /** Starts on a free port. */
  static async start(options: ServerOptions = {}): Promise<ModelServer> {
    const server = new ModelServer(options);
    await new Promise<void>((resolve) => server.#server.listen(0, "127.0.0.1", resolve));
    return server;
  }

  get origin(): string {
    const address = this.#server.address();
    // localhost, as pages there are secure ones.
    return `http://localhost:${typeof address === "object" ? address?.port : ""}`;
  }

  async stop(): Promise<void> {
    this.#server.closeAllConnections();
    await new Promise((resolve) => this.#server.close(resolve));
  }

  /** Behaves well again, and counts from zero. */
  reset(): void {
    this.answers.length = 0;
    Object.assign(this, {
      ranges: true,
      cut: undefined,
      refuse: undefined,
      refuseStatus: undefined,
      refuseAfterCut: false,
      version: "",
      corrupt: undefined,
      headers: {},
    });
  }

  /** Bytes sent of paths that begin so, and how many answers. */
  sent(prefix: string): { readonly bytes: number; readonly answers: number } {
    const own = this.answers.filter(({ path }) => path.startsWith(prefix));
    return { bytes: own.reduce((sum, { bytes }) => sum + bytes, 0), answers: own.length };
  }

  async #answer(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const path = decodeURIComponent((request.url ?? "/").split("?")[0] ?? "/");
    const { isolated = false } = this.#options;
    if (isolated) {
      response.setHeader("Cross-Origin-Opener-Policy", "same-origin");
      response.setHeader("Cross-Origin-Embedder-Policy", "require-corp");
    }
    const answered: Answered = { path, range: request.headers.range, status: 200, bytes: 0 };
    if (path === "/") {
      response.setHeader("Content-Type", "text/html");
      response.end(PAGE);
      return;
    }
    if (this.refuse?.test(path) === true) {
      if (this.refuseStatus === undefined) request.socket.destroy();
      else response.writeHead(this.refuseStatus).end();
      return;
    }
    const [prefix, folder] = this.#folders.find(([start]) => path.startsWith(start)) ?? [];
    const file = folder === undefined ? "" : join(folder, path.slice(prefix?.length));
    const found = await stat(file).catch(() => undefined);
    if (found?.isFile() !== true) {
      this.answers.push({ ...answered, status: 404 });
      response.writeHead(404).end();
      return;
    }
    response.setHeader("Content-Type", TYPES[/\w+$/u.exec(path)?.[0] ?? ""] ?? "application/octet-stream");
    // Code stays the same for as long as the server runs; what a model's files may do is the tests' business.
    const isCode = /\.(?:m?js|wasm)$/u.test(path);
    if (isCode) response.setHeader("Cache-Control", "max-age=3600");
    response.setHeader("ETag", `"${found.size}-${found.mtimeMs}${this.version}"`);
    for (const [end, headers] of Object.entries(this.headers)) {
      if (path.endsWith(end)) for (const [name, value] of Object.entries(headers)) response.setHeader(name, value);
    }
    const range = this.ranges ? /^bytes=(\d+)-(\d+)$/u.exec(request.headers.range ?? "") : null;
    const start = Number(range?.[1] ?? 0);
    const end = Math.min(Number(range?.[2] ?? Infinity) + 1, found.size);
    if (range !== null) response.setHeader("Content-Range", `bytes ${start}-${end - 1}/${found.size}`);
    response.setHeader("Content-Length", end - start);
    const entry = { ...answered, status: range === null ? 200 : 206 };
    this.answers.push(entry);
    response.writeHead(entry.status);
    if (request.method === "HEAD") {
      response.end();
      return;
    }
    if (isCode) {
      // At once: most of a session's start was the 14 MB of ONNX Runtime coming piece by piece.
      entry.bytes = end - start;
      response.end((await readFile(file)).subarray(start, end));
    } else await this.#send(file, start, end, response, entry);
  }

  async #send(file: string, start: number, end: number, response: ServerResponse, entry: Answered): Promise<void> {
    const handle = await open(file, "r");
    try {
      const { cut } = this;
      const isCut = cut !== undefined && cut.times > 0 && entry.path.endsWith(cut.path) && end - start > cut.after;
      if (isCut) {
        cut.times--;
        if (this.refuseAfterCut) this.refuse = new RegExp(`${cut.path.replaceAll(".", "\\.")}$`, "u");
      }
      const last = isCut ? start + cut.after : end;
      for (let at = start; at < last;) {
        const chunk = new Uint8Array(Math.min(1 << 16, last - at));
        await handle.read(chunk, 0, chunk.length, at);
        const wrong = this.corrupt !== undefined && entry.path.endsWith(this.corrupt.path) ? this.corrupt.at - at : -1;
        if (wrong >= 0 && wrong < chunk.length) chunk[wrong] = (chunk[wrong] ?? 0) ^ 0x10;
        await new Promise<void>((resolve) => response.write(chunk, () => resolve()));
        at += chunk.length;
        entry.bytes += chunk.length;
      }
      if (isCut) response.destroy();
      else response.end();
    } finally {
      await handle.close();
    }
  }
}
