/**
 * The server as one function from a request to its answer, for any platform that has `Request` and `Response`.
 */
import type { ImageClassifier } from "@chinese-clip/pipeline/classifier";
import { type Context, Hono } from "hono";
import { Access } from "./admission/access.js";
import { type Deadline, startDeadline } from "./admission/deadline.js";
import { BodyMemory } from "./admission/read-body.js";
import { WorkQueue } from "./admission/work-queue.js";
import { serverLimits } from "./limits.js";
import { checkOptions, type HandlerOptions, type PageFile } from "./options.js";
import { classify } from "./routes/classify.js";
import { listDuplicates } from "./routes/duplicates.js";
import { embed, embeddings } from "./routes/embeddings.js";
import { ping, predict } from "./routes/immich.js";
import { compactIndex, deleteItems, getFile, getItem, getItems, getThumbnail, listItems, putItems, scanItems } from "./routes/items.js";
import { openApiRoute } from "./routes/open-api.js";
import type { Route, Services } from "./routes/route.js";
import { search } from "./routes/search.js";
import { getModel, healthz, listIndexes, listModels, metrics as metricsRoute, readyz } from "./routes/service.js";
import { ServerError, toServerError } from "./server-error.js";
import { DuplicateSearch } from "./services/duplicate-search.js";
import { EmbeddingWork } from "./services/embedding-work.js";
import { Indexes } from "./services/indexes.js";
import { ItemStreams } from "./services/item-streams.js";
import { Listing } from "./services/listing.js";
import { Ranking } from "./services/ranking.js";

/** A server without a port. */
export interface Handler {
  /** Whether requests need a key. */
  readonly requiresKey: boolean;
  /** Answers a request. @throws TypeError - no `Request`; nothing else. */
  fetch(request: Request): Promise<Response>;
  /**
   * Ends: further requests are answered with 503, those in flight have `limits.shutdownMilliseconds` to finish. The embedder and the stores are the
   * caller's, and stay open. Idempotent.
   */
  dispose(): Promise<void>;
}

const ROUTES: readonly Route[] = [
  embeddings,
  classify,
  search,
  putItems,
  deleteItems,
  compactIndex,
  getItems,
  scanItems,
  listItems,
  getItem,
  getThumbnail,
  getFile,
  listDuplicates,
  listModels,
  getModel,
  listIndexes,
  healthz,
  readyz,
  embed,
  ping,
  predict,
];

/** Answers of all routes. */
const HEADERS: Readonly<Record<string, string>> = { "x-content-type-options": "nosniff", "referrer-policy": "no-referrer" };

/** The page runs what the server sends, and nothing else. */
const PAGE_POLICY = [
  "default-src 'none'",
  "script-src 'self'",
  "style-src 'self'",
  "connect-src 'self'",
  "img-src 'self' blob:",
  "form-action 'none'",
  "base-uri 'none'",
  "frame-ancestors 'none'",
  // No text becomes HTML, but for the templates of lit-html, which are constants.
  "require-trusted-types-for 'script'",
  "trusted-types lit-html",
].join("; ");

/** Images of items that are read at a time, and that wait. */
const FILES = [8, 512] as const;

interface Bindings {
  readonly Bindings: { readonly deadline: Deadline };
}

/**
 * Makes a server.
 *
 * @throws TypeError, RangeError - an option that cannot be; SearchError - `fingerprint-mismatch`: a store of another model.
 */
export function createHandler(options: HandlerOptions): Handler {
  checkOptions(options);
  const { apiKey, allowedHosts, allowedOrigins = [], allowUrls = false, imageSize, metrics, page = {}, onError } = options;
  const limits = serverLimits(options.limits);
  for (const [name, classifier] of Object.entries(options.classifiers ?? {})) {
    const { head }: { readonly head?: ImageClassifier["head"] | undefined } = classifier;
    if (head?.dim !== options.embedder.dim)
      throw new RangeError(`createHandler: expected the classifier ${name} to take ${options.embedder.dim} values, got ${head?.dim}`);
  }
  const access = new Access({ apiKey, allowedHosts, allowedOrigins });
  const inFlight = new Map<Deadline, Promise<unknown>>();
  let disposed: Promise<void> | undefined;
  const services: Services = {
    options,
    modelNames: [options.modelName ?? "chinese-clip", ...(options.modelAliases ?? [])],
    limits,
    rules: { limits, allowUrls, imageSize },
    memory: new BodyMemory(limits.memory),
    queue: new WorkQueue(limits.concurrency, limits.queue, (working, waiting) => metrics?.queue(working, waiting)),
    files: new WorkQueue(...FILES),
    work: new EmbeddingWork(options, limits.cacheBytes),
    indexes: new Indexes(options),
    listing: new Listing(),
    streams: new ItemStreams(),
    ranking: new Ranking(limits.results),
    duplicates: new DuplicateSearch(),
    isReady: () => disposed === undefined,
  };
  const described = [...ROUTES, ...(metrics === undefined ? [] : [metricsRoute])];
  const routes = [...described, openApiRoute(described)];
  const patterns = routes.map(patternOf);

  const failed = (error: unknown): Response => {
    const known = toServerError(error);
    if (known.code === "internal") onError?.(known.cause);
    return known.toResponse();
  };

  const run = async (route: Route, context: Context<Bindings>): Promise<Response> => {
    const { raw: request } = context.req;
    try {
      if (route.isOpen !== true) {
        await access.checkKey(request);
        if (disposed !== undefined) throw new ServerError("shutting-down", "the server is ending");
      }
      const { signal } = context.env.deadline;
      return await route.run({ request, params: context.req.param(), query: new URL(request.url).searchParams, signal, services });
    } catch (error) {
      return failed(error);
    }
  };

  const app = new Hono<Bindings>();
  for (const route of routes) app.on(route.method, route.path.replaceAll(/\{(\w+)\}/g, ":$1"), (context) => run(route, context));
  for (const [path, file] of Object.entries(page)) app.get(path, () => answerPage(file));
  app.notFound(async (context) => {
    const { pathname } = new URL(context.req.url);
    const methods = patterns.filter(({ pattern }) => pattern.test(pathname)).map(({ route }) => route.method);
    if (methods.length === 0) return new ServerError("not-found", "no such route; /openapi.json lists them").toResponse();
    return new ServerError("method-not-allowed", `expected ${methods.join(" or ")}`, { allow: methods.join(", ") }).toResponse();
  });
  app.onError((error) => failed(error));

  const answer = async (request: Request, deadline: Deadline): Promise<Response> => {
    try {
      access.checkOrigin(request);
      if (request.method === "OPTIONS") return preflight(request, routes);
      return await app.fetch(request, { deadline });
    } catch (error) {
      return failed(error);
    }
  };

  return {
    requiresKey: apiKey !== undefined,
    async fetch(request) {
      // By what it has: it may be another realm's.
      if (typeof request?.url !== "string" || typeof request.headers?.get !== "function") throw new TypeError("fetch: expected a Request");
      const start = performance.now();
      const deadline = startDeadline(request, limits.milliseconds);
      const answering = answer(request, deadline);
      inFlight.set(deadline, answering);
      const response = await answering;
      inFlight.delete(deadline);
      deadline.end();
      const cross = access.headersFor(request);
      const isCross = Object.keys(cross).length > 0;
      for (const [name, value] of Object.entries({ ...HEADERS, ...cross })) response.headers.set(name, value);
      response.headers.set("cross-origin-resource-policy", isCross ? "cross-origin" : "same-origin");
      if (!response.headers.has("cache-control")) response.headers.set("cache-control", "no-store");
      if (metrics !== undefined) {
        const { method } = request;
        const route = routeOf(request, patterns, page);
        metrics.request({ method, route, status: response.status, seconds: (performance.now() - start) / 1000 });
      }
      return response;
    },
    dispose() {
      services.duplicates.clear();
      services.streams.end();
      disposed ??= endAll(inFlight, limits.shutdownMilliseconds);
      return disposed;
    },
  };
}

/** Waits for requests, and aborts those that take too long. */
async function endAll(inFlight: ReadonlyMap<Deadline, Promise<unknown>>, milliseconds: number): Promise<void> {
  const timer = setTimeout(() => {
    for (const deadline of inFlight.keys()) deadline.abort(new ServerError("shutting-down", "the server is ending"));
  }, milliseconds);
  await Promise.allSettled(inFlight.values());
  clearTimeout(timer);
}

/** What a browser asks before it lets an allowed page call. */
function preflight(request: Request, routes: readonly Route[]): Response {
  const methods = [...new Set(routes.map(({ method }) => method))].join(", ");
  const asked = request.headers.get("origin") !== null;
  const headers = {
    "access-control-allow-methods": methods,
    "access-control-allow-headers": "authorization, content-type",
    "access-control-max-age": "600",
  };
  return new Response(null, { status: 204, headers: asked ? headers : { allow: `${methods}, OPTIONS` } });
}

function answerPage({ contentType, body, isImmutable = false }: PageFile): Response {
  const caching = isImmutable ? "public, max-age=31536000, immutable" : "no-cache";
  return new Response(body, {
    headers: { "content-type": contentType, "content-security-policy": PAGE_POLICY, "cache-control": caching },
  });
}

/** A route's pattern for a request, for metrics: a label with ids in it would never end. */
function routeOf(request: Request, patterns: readonly RoutePattern[], page: Readonly<Record<string, PageFile>>): string {
  const { pathname } = new URL(request.url);
  const found = patterns.find(({ pattern }) => pattern.test(pathname))?.route.path;
  return found ?? (Object.hasOwn(page, pathname) ? "page" : "unmatched");
}

/** A route with the paths that are its own, whatever the method. */
interface RoutePattern {
  readonly route: Route;
  readonly pattern: RegExp;
}

function patternOf(route: Route): RoutePattern {
  return { route, pattern: new RegExp(`^${route.path.replaceAll(/\{\w+\}/g, "[^/]+").replaceAll(".", "\\.")}$`) };
}
