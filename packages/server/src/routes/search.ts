/**
 * `POST /v1/search`: the items of an index nearest to a text, an image, a query of both, a vector, or another item.
 */
import { combine, parseFilter, parseQuery } from "@chinese-clip/search";
import { z } from "@hono/zod-openapi";
import type { ZodType } from "zod";
import { checkCount, checkText, type EmbeddingInput } from "../input/embedding-input.js";
import { parseImage } from "../input/image-input.js";
import { ServerError } from "../server-error.js";
import type { NamedIndex } from "../services/indexes.js";
import type { RankingQuery } from "../services/ranking.js";
import { type Call, checkModel, type Route, withJson } from "./route.js";
import { filter, fingerprint, type GivenVector, jsonObject, modelName, parseVector, vector } from "./schemas.js";

interface SearchBody {
  readonly index?: string | undefined;
  readonly text?: string | undefined;
  readonly query?: string | undefined;
  readonly image?: string | undefined;
  readonly vector?: GivenVector | undefined;
  readonly fingerprint?: string | undefined;
  readonly id?: string | undefined;
  readonly top?: number | undefined;
  readonly offset?: number | undefined;
  readonly limit?: number | undefined;
  readonly total?: boolean | undefined;
  readonly minScore?: number | undefined;
  readonly filter?: unknown;
  readonly model?: string | null | undefined;
}

const searchBody: ZodType<SearchBody> = z.object({
  index: z.string().max(100).optional().openapi({ description: "may be left out where there is one index only" }),
  text: z.string().optional().openapi({ description: "a text", example: "雪地里的猫" }),
  query: z.string().optional().openapi({ description: "texts with weights", example: "2:猫 - 狗" }),
  image: z.string().optional().openapi({ description: "an encoded image as a data: URL or base64" }),
  vector: vector.optional(),
  fingerprint,
  id: z.string().optional().openapi({ description: "an item of the index: others like it" }),
  top: z.number().int().min(1).optional().openapi({ description: "results in all; default 10, or with a limit as many as there are" }),
  offset: z.number().int().min(0).optional().openapi({ description: "results to skip, for a page of them" }),
  limit: z.number().int().min(1).optional().openapi({ description: "results of the page" }),
  total: z.boolean().optional().openapi({ description: "whether to count the results, for a scrollbar; default false" }),
  minScore: z.number().optional().openapi({ description: "the smallest cosine" }),
  filter: filter.optional(),
  model: modelName,
});

/** What can be searched for, exactly one of them. */
const WANTED = ["text", "query", "image", "vector", "id"] as const;

const DEFAULT_TOP = 10;

/** The route. */
export const search: Route = {
  method: "POST",
  path: "/v1/search",
  summary: "Items nearest to a text, an image, a query, a vector or another item",
  body: { contentType: "application/json", schema: searchBody },
  answer: {
    description: "items best first; more says whether there are further ones",
    schema: z.object({
      object: z.literal("list"),
      index: z.string(),
      offset: z.number().int(),
      count: z.number().int().openapi({ description: "items of the index" }),
      more: z.boolean(),
      total: z
        .number()
        .int()
        .optional()
        .openapi({ description: "all results, where it was asked for; at most limits.results where minScore is given" }),
      missing: z
        .array(z.object({ name: z.string(), message: z.string() }))
        .optional()
        .openapi({ description: "stores of the index that did not answer in time: the results are those of the others" }),
      data: z.array(z.object({ id: z.string(), rank: z.number().int(), score: z.number(), meta: jsonObject })),
    }),
  },
  run: (call) =>
    withJson(call, searchBody, async (body) => {
      const { services } = call;
      checkModel(body.model, services);
      const given = WANTED.filter((name) => body[name] !== undefined);
      if (given.length !== 1)
        throw new ServerError("invalid-request", `expected one of ${WANTED.join(", ")}, got ${given.join(" and ") || "none"}`);
      const { first, last } = pageOf(body, call);
      const checked = body.filter === undefined ? undefined : parseFilter(body.filter);
      const index = await services.indexes.open(body.index);
      const wanted: RankingQuery = {
        vector: await vectorOf(body, index, call),
        minScore: body.minScore,
        filter: checked,
        fingerprint: body.vector === undefined ? services.options.embedder.fingerprint : body.fingerprint,
        without: body.id,
      };
      const { hits, more, missing } = await services.ranking.page(index, wanted, first, last, call.signal);
      return Response.json({
        object: "list",
        index: index.name,
        offset: first,
        count: index.store.info.count,
        more,
        ...(missing.length > 0 ? { missing } : {}),
        ...(body.total === true ? { total: await totalOf(wanted, index, call) } : {}),
        data: hits.map(({ id, score, meta }, i) => ({ id, rank: first + i + 1, score, meta })),
      });
    }),
};

/** How many results there are. */
async function totalOf(wanted: RankingQuery, index: NamedIndex, { services, signal }: Call): Promise<number> {
  const { minScore, filter: conditions, without } = wanted;
  if (minScore !== undefined) return services.ranking.count(index, wanted);
  if (conditions === undefined) return index.store.info.count - (without === undefined ? 0 : 1);
  const ids = await services.listing.ids(index, conditions, signal);
  return ids.length - (without !== undefined && ids.includes(without) ? 1 : 0);
}

/** The ranks of a page, half open, from 0. @throws ServerError - `invalid-request`. */
function pageOf({ top, offset = 0, limit }: SearchBody, { services: { limits } }: Call): { readonly first: number; readonly last: number } {
  const end = limit === undefined ? (top ?? offset + DEFAULT_TOP) : Math.min(top ?? Infinity, offset + limit);
  if (end > limits.results)
    throw new ServerError("invalid-request", `expected at most the first ${limits.results} results to be asked for, got ${end}`);
  if (end - offset > limits.page)
    throw new ServerError(
      "invalid-request",
      `expected at most ${limits.page} results at a time, got ${end - offset}; offset and limit give the others`,
    );
  return { first: offset, last: Math.max(end, offset) };
}

async function vectorOf(body: SearchBody, index: NamedIndex, call: Call): Promise<Float32Array> {
  const { services, signal } = call;
  const { limits, rules, work } = services;
  const { text, query, image, vector: given, id } = body;
  if (given !== undefined) return parseVector(given, "vector");
  if (id !== undefined) {
    const [item] = await index.store.get([id]);
    if (item === undefined) throw new ServerError("no-such-item", "id: expected an item of the index");
    return item.embedding;
  }
  const embedOne = async (input: EmbeddingInput): Promise<Float32Array> => (await work.embed([input], signal)).rows[0] as Float32Array;
  if (text !== undefined) return embedOne({ kind: "text", text: checkText(text, "text", limits), place: "text" });
  if (image !== undefined) return embedOne({ kind: "image", image: parseImage(image, "image", rules), place: "image" });
  const parts = parseQuery(checkText(query ?? "", "query", limits));
  checkCount(parts.length, "query", limits.inputs);
  if (parts.some(({ kind }) => kind === "image"))
    throw new ServerError("path-rejected", "query: expected texts, got @ and a path; files of the server are not read");
  const { rows } = await work.embed(
    parts.map(({ content }) => ({ kind: "text", text: content, place: "query" })),
    signal,
  );
  return combine(parts, rows);
}
