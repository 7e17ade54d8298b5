/**
 * What a route is, and what it has at hand. `/openapi.json` is made of the same objects, so it has the routes that are served.
 */
import type { ZodType } from "zod";
import { type BodyMemory, readBody } from "../admission/read-body.js";
import type { WorkQueue } from "../admission/work-queue.js";
import type { InputRules } from "../input/embedding-input.js";
import { parseJson } from "../input/parse-json.js";
import { parseJsonSteps } from "../input/parse-json-steps.js";
import type { AllLimits } from "../limits.js";
import type { HandlerOptions } from "../options.js";
import { ServerError } from "../server-error.js";
import type { DuplicateSearch } from "../services/duplicate-search.js";
import type { EmbeddingWork } from "../services/embedding-work.js";
import type { Indexes } from "../services/indexes.js";
import type { ItemStreams } from "../services/item-streams.js";
import type { Listing } from "../services/listing.js";
import type { Ranking } from "../services/ranking.js";

/** What all routes of a server share. */
export interface Services {
  readonly options: HandlerOptions;
  /** The model's own name, then its aliases. */
  readonly modelNames: readonly string[];
  readonly limits: AllLimits;
  readonly rules: InputRules;
  readonly memory: BodyMemory;
  /** Work with the model or a store. */
  readonly queue: WorkQueue;
  /** Images of items: a page asks for a hundred at a time. */
  readonly files: WorkQueue;
  readonly work: EmbeddingWork;
  readonly indexes: Indexes;
  readonly listing: Listing;
  readonly streams: ItemStreams;
  readonly ranking: Ranking;
  readonly duplicates: DuplicateSearch;
  /** Whether the server takes requests. */
  readonly isReady: () => boolean;
}

/** One request. */
export interface Call {
  readonly request: Request;
  /** The path's parts in braces, decoded. */
  readonly params: Readonly<Record<string, string>>;
  readonly query: URLSearchParams;
  /** Aborts when the caller goes away, the deadline passes or the server ends. */
  readonly signal: AbortSignal;
  readonly services: Services;
}

/** One route. */
export interface Route {
  readonly method: "GET" | "POST" | "PUT" | "DELETE";
  /** With parts in braces: `/v1/indexes/{name}/items`. */
  readonly path: string;
  readonly summary: string;
  /** Whether it needs no key. */
  readonly isOpen?: boolean;
  /** The body's schema, for the description. */
  readonly body?: { readonly contentType: string; readonly schema: ZodType };
  /** Parameters of the query, with what each is. */
  readonly queryParameters?: Readonly<Record<string, string>>;
  /** The answer's schema, or its content type. */
  readonly answer: { readonly description: string; readonly schema?: ZodType; readonly contentType?: string };
  run(call: Call): Promise<Response>;
}

/** Bytes of JSON that are parsed without a pause: a few milliseconds. */
const PARSED_AT_ONCE = 256 * 1024;

/**
 * Reads a request's JSON, waits for its turn and works.
 *
 * @throws ServerError - what the body is rejected for; what the work throws.
 */
export async function withJson<Body>(call: Call, schema: ZodType<Body>, work: (body: Body) => Promise<Response>): Promise<Response> {
  const { request } = call;
  const type = request.headers.get("content-type") ?? "";
  if (!/^application\/(?:[\w.-]{1,50}\+)?json(?:\s{0,8};|$)/i.test(type))
    throw new ServerError("unsupported-media-type", "expected a body of application/json");
  const parse = async (bytes: Uint8Array): Promise<unknown> =>
    bytes.length > PARSED_AT_ONCE ? parseJsonSteps(bytes, call.signal) : parseJson(bytes);
  return withBody(call, async (bytes) => work(parseBody(schema, await parse(bytes))));
}

/**
 * Reads a request's body, waits for its turn and works.
 *
 * @throws ServerError - what the body is rejected for; what the work throws.
 */
export async function withBody(call: Call, work: (bytes: Uint8Array<ArrayBuffer>) => Promise<Response>): Promise<Response> {
  const { request, signal, services } = call;
  const { limits, memory, queue } = services;
  queue.checkRoom(); // before its bytes are taken
  const body = await readBody(request, limits, memory, signal);
  try {
    return await queue.run(signal, () => work(body.bytes));
  } finally {
    body.release();
  }
}

/**
 * Checks a body, or a part of it.
 *
 * @param part - its field, for messages.
 * @throws ServerError - `invalid-request`, with the first field that is wrong.
 */
export function parseBody<Body>(schema: ZodType<Body>, value: unknown, part = ""): Body {
  const result = schema.safeParse(value);
  if (result.success) return result.data;
  const [issue] = result.error.issues;
  const place = part + (issue?.path.map((key) => (typeof key === "number" ? `[${key}]` : `.${String(key)}`)).join("") ?? "");
  const isMissing = issue?.code === "invalid_type" && String(issue.expected) === "nonoptional";
  const message = isMissing ? "expected a value, got none" : (issue?.message.slice(0, 300) ?? "invalid");
  throw new ServerError("invalid-request", `${place.replace(/^\./, "").slice(0, 100) || "body"}: ${message}`);
}

/** @throws ServerError - `no-such-model`. */
export function checkModel(given: string | null | undefined, { modelNames }: Services): void {
  if (given === null || given === undefined || modelNames.includes(given)) return;
  throw new ServerError("no-such-model", `model: expected ${modelNames.join(" or ")}; embeddings of two models cannot be compared`);
}

/** An integer of the query. @throws ServerError - `invalid-request`. */
export function queryInteger({ query }: Call, name: string, { fallback, maximum }: { fallback: number; maximum: number }): number {
  const text = query.get(name);
  if (text === null) return fallback;
  if (/^\d{1,9}$/.test(text) && Number(text) <= maximum) return Number(text);
  throw new ServerError("invalid-request", `${name}: expected an integer from 0 to ${maximum}`);
}
