/**
 * `GET /v1/indexes/{name}/duplicates`: images of an index that are there more than once, in three tiers that are never mixed.
 */
import { z } from "@hono/zod-openapi";
import type { DuplicateMeta } from "@chinese-clip/search";
import { ServerError } from "../server-error.js";
import { queryInteger, type Route } from "./route.js";
import { jsonObject } from "./schemas.js";

const TIERS = ["bytes", "image", "similar"] as const;

const DEFAULT_LIMIT = 50;

/** The most images of a group that are answered: a folder of empty files is one group. */
const MAX_OTHERS = 100;

const item = z.object({ id: z.string(), meta: jsonObject });

/** The route. */
export const listDuplicates: Route = {
  method: "GET",
  path: "/v1/indexes/{name}/duplicates",
  summary: "Images that are there more than once",
  queryParameters: {
    tier: "bytes (the same file), image (the same image at another size or compression) or similar (to the model); default bytes",
    offset: "groups to skip",
    limit: `groups of the page; default ${DEFAULT_LIMIT}`,
  },
  answer: {
    description: "groups, each with the image to keep; while the search goes on, isComplete is false and the list is empty: ask again",
    schema: z.object({
      object: z.literal("list"),
      index: z.string(),
      tier: z.enum(TIERS),
      isComplete: z.boolean(),
      done: z.number().int().openapi({ description: "items compared so far" }),
      count: z.number().int().openapi({ description: "items of the index" }),
      offset: z.number().int(),
      total: z.number().int().openapi({ description: "groups of the tier" }),
      data: z.array(
        z.object({
          reason: z.enum(["pixels", "bytes", "oldest", "order"]),
          keep: item,
          size: z.number().int().openapi({ description: "images of the group, the one to keep included" }),
          others: z.array(item.extend({ score: z.number() })),
        }),
      ),
    }),
  },
  async run(call) {
    const { params, query, services, signal } = call;
    const tier = TIERS.find((name) => name === (query.get("tier") ?? "bytes"));
    if (tier === undefined) throw new ServerError("invalid-request", `tier: expected ${TIERS.join(", ")}`);
    const offset = queryInteger(call, "offset", { fallback: 0, maximum: 999_999_999 });
    const limit = queryInteger(call, "limit", { fallback: Math.min(DEFAULT_LIMIT, services.limits.page), maximum: services.limits.page });
    const index = await services.indexes.open(params["name"]);
    const { count } = index.store.info;
    const found = await services.duplicates.ask(index, tier === "similar", signal);
    const head = { object: "list", index: index.name, tier, isComplete: found.isComplete, count, offset };
    if (!found.isComplete) return Response.json({ ...head, done: found.done, total: 0, data: [] });
    const groups = found.report.groups[tier];
    const data = groups.slice(offset, offset + limit).map(({ keep, reason, others }) => ({
      reason,
      keep: { id: keep.id, meta: keep.meta satisfies DuplicateMeta },
      size: others.length + 1,
      others: others.slice(0, MAX_OTHERS).map(({ id, cosine, meta }) => ({ id, score: cosine, meta })),
    }));
    return Response.json({ ...head, done: found.report.count, total: groups.length, data });
  },
};
