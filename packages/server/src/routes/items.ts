/**
 * The items of an index: listed, read with their images, added and removed.
 */
import { checkFingerprint, parseFilter, type StoreItem } from "@chinese-clip/search";
import { encodeVector } from "@chinese-clip/search/remote";
import { z } from "@hono/zod-openapi";
import type { ZodType } from "zod";
import { checkCount, checkText, type EmbeddingInput } from "../input/embedding-input.js";
import { parseImage } from "../input/image-input.js";
import { imageType } from "../input/image-type.js";
import { parseJson } from "../input/parse-json.js";
import { ServerError } from "../server-error.js";
import type { NamedIndex } from "../services/indexes.js";
import { type Call, parseBody, queryInteger, type Route, withJson } from "./route.js";
import { filter as filterSchema, fingerprint, type GivenVector, jsonObject, parseVector, strings, vector } from "./schemas.js";

const DEFAULT_LIMIT = 100;

type AnsweredItem = Pick<StoreItem<unknown>, "id" | "meta"> & { readonly embedding?: Float32Array };

interface NewItem {
  readonly id: string;
  readonly meta?: Readonly<Record<string, unknown>> | undefined;
  readonly text?: string | undefined;
  readonly image?: string | undefined;
  readonly vector?: GivenVector | undefined;
}

const newItem: ZodType<NewItem> = z.object({
  id: z.string().min(1).max(4096),
  meta: jsonObject.optional(),
  text: z.string().optional(),
  image: z.string().optional(),
  vector: vector.optional(),
});

/** Each item is checked when their number is known to be allowed. */
const putBody: ZodType<{ readonly items: readonly unknown[]; readonly fingerprint?: string | undefined }> = z.object({
  fingerprint,
  items: z
    .custom<readonly unknown[]>((value) => Array.isArray(value) && value.length > 0, "expected an array of items")
    .openapi({
      type: "array",
      items: {
        type: "object",
        properties: {
          id: { type: "string" },
          meta: { type: "object" },
          text: { type: "string" },
          image: { type: "string", description: "an encoded image as a data: URL or base64" },
          vector: {
            oneOf: [{ type: "array", items: { type: "number" } }, { type: "string" }],
            description: "an embedding of the same model, with L2 norm 1; as a string base64 of float32, little-endian",
          },
        },
        required: ["id"],
      },
    }),
});

const deleteBody: ZodType<{ readonly ids: readonly string[] }> = z.object({ ids: strings });

const item: ZodType = z.object({ id: z.string(), meta: jsonObject });

const itemCount: ZodType = z.number().int().openapi({ description: "items of the index by then" });

const getBody: ZodType<{ readonly ids: readonly string[]; readonly vectors?: boolean | undefined }> = z.object({
  ids: strings,
  vectors: z.boolean().optional().openapi({ description: "whether the items have their vectors; default false" }),
});

const scanBody: ZodType<{ readonly filter?: unknown; readonly vectors?: boolean | undefined }> = z.object({
  filter: filterSchema.optional(),
  vectors: z.boolean().optional().openapi({ description: "whether the items have their vectors; default false" }),
});

/** A page of the items, in the index's own order. */
export const listItems: Route = {
  method: "GET",
  path: "/v1/indexes/{name}/items",
  summary: "Items of an index, in its own order",
  queryParameters: { offset: "items to skip", limit: `items of the page; default ${DEFAULT_LIMIT}`, filter: "a filter as JSON" },
  answer: {
    description: "a page of the items",
    schema: z.object({
      object: z.literal("list"),
      index: z.string(),
      offset: z.number().int(),
      total: z.number().int(),
      data: z.array(item),
    }),
  },
  async run(call) {
    const { params, query, services, signal } = call;
    const { limits, listing, indexes, queue } = services;
    const offset = queryInteger(call, "offset", { fallback: 0, maximum: 999_999_999 });
    const limit = queryInteger(call, "limit", { fallback: Math.min(DEFAULT_LIMIT, limits.page), maximum: limits.page });
    const text = query.get("filter");
    const filter = text === null ? undefined : parseFilter(parseJson(new TextEncoder().encode(text)));
    return queue.run(signal, async () => {
      const index = await indexes.open(params["name"]);
      const ids = await listing.ids(index, filter, signal);
      const page = ids.slice(offset, offset + limit);
      const items = page.length === 0 ? [] : await index.store.get(page);
      const data = items.flatMap((one) => (one === undefined ? [] : [{ id: one.id, meta: one.meta }]));
      return Response.json({ object: "list", index: index.name, offset, total: ids.length, data });
    });
  },
};

/** One item. */
export const getItem: Route = {
  method: "GET",
  path: "/v1/indexes/{name}/items/{id}",
  summary: "An item's metadata",
  answer: { description: "the item", schema: item },
  async run(call) {
    const { found } = await findItem(call);
    return Response.json({ id: found.id, meta: found.meta });
  },
};

/** An item's small image. */
export const getThumbnail: Route = {
  method: "GET",
  path: "/v1/indexes/{name}/items/{id}/thumbnail",
  summary: "A small image of an item",
  answer: { description: "an encoded image", contentType: "image/*" },
  run: (call) => answerImage(call, "readThumbnail"),
};

/** An item's image. */
export const getFile: Route = {
  method: "GET",
  path: "/v1/indexes/{name}/items/{id}/file",
  summary: "The image of an item as it is stored",
  answer: { description: "an encoded image", contentType: "image/*" },
  run: (call) => answerImage(call, "readFile"),
};

/** Several items by their ids. */
export const getItems: Route = {
  method: "POST",
  path: "/v1/indexes/{name}/items/get",
  summary: "Items by their ids",
  body: { contentType: "application/json", schema: getBody },
  answer: {
    description: "an item for each id, in their order; null where there is none",
    schema: z.object({ index: z.string(), data: z.array(item.nullable()) }),
  },
  run: (call) =>
    withJson(call, getBody, async ({ ids, vectors }) => {
      checkCount(ids.length, "ids", call.services.limits.page);
      const index = await call.services.indexes.open(call.params["name"]);
      const data = (await index.store.get(ids)).map((found) => (found === undefined ? null : answered(found, vectors === true)));
      return Response.json({ index: index.name, data });
    }),
};

/** All items, one a line. */
export const scanItems: Route = {
  method: "POST",
  path: "/v1/indexes/{name}/items/scan",
  summary: 'All items that match, a line of JSON each; the last line is {"end":true}',
  body: { contentType: "application/json", schema: scanBody },
  answer: { description: "lines of JSON", contentType: "application/x-ndjson" },
  run: (call) =>
    withJson(call, scanBody, async ({ filter, vectors = false }) => {
      const { store } = await call.services.indexes.open(call.params["name"]);
      const checked = filter === undefined ? undefined : parseFilter(filter);
      const lines = call.services.streams.open(vectors ? store.scan(checked) : store.list(checked), (one) => answered(one, vectors));
      return new Response(lines, { headers: { "content-type": "application/x-ndjson" } });
    }),
};

/** Frees the space of removed and replaced items. */
export const compactIndex: Route = {
  method: "POST",
  path: "/v1/indexes/{name}/compact",
  summary: "Frees the space of removed and replaced items of a writable index",
  body: { contentType: "application/json", schema: z.object({}) },
  answer: { description: "it is freed", schema: z.object({ index: z.string(), count: itemCount }) },
  run: (call) =>
    withJson(call, z.object({}), async () => {
      const index = await openWritable(call);
      await index.store.compact();
      return Response.json({ index: index.name, count: index.store.info.count });
    }),
};

/** Adds and replaces items. */
export const putItems: Route = {
  method: "PUT",
  path: "/v1/indexes/{name}/items",
  summary: "Adds items to a writable index, and replaces those whose ids are there",
  body: { contentType: "application/json", schema: putBody },
  answer: { description: "the items are durable", schema: z.object({ index: z.string(), upserted: z.number().int(), count: itemCount }) },
  run: (call) =>
    withJson(call, putBody, async (body) => {
      const { services, signal } = call;
      const { embedder } = services.options;
      const index = await openWritable(call);
      checkCount(body.items.length, "items", services.limits.page);
      const items = body.items.map((one, i) => parseBody(newItem, one, `items[${i}]`));
      const wanted = items.map((one, i) => sourceOf(one, `items[${i}]`, call));
      const inputs = wanted.filter((one): one is EmbeddingInput => !(one instanceof Float32Array));
      checkCount(inputs.length, "items", services.limits.inputs);
      const { rows } = await services.work.embed(inputs, signal);
      let next = 0;
      const stored = items.map(({ id, meta = {} }, i): StoreItem<unknown> => {
        const source = wanted[i];
        return { id, meta, embedding: source instanceof Float32Array ? source : (rows[next++] as Float32Array) };
      });
      checkFingerprint(embedder, body.fingerprint);
      await index.store.upsert(stored, { fingerprint: embedder.fingerprint });
      forgetResults(services);
      return Response.json({ index: index.name, upserted: stored.length, count: index.store.info.count });
    }),
};

/** Removes items. */
export const deleteItems: Route = {
  method: "DELETE",
  path: "/v1/indexes/{name}/items",
  summary: "Removes items from a writable index; ids that are not there are ignored",
  body: { contentType: "application/json", schema: deleteBody },
  answer: { description: "the items are gone", schema: z.object({ index: z.string(), deleted: z.number().int(), count: itemCount }) },
  run: (call) =>
    withJson(call, deleteBody, async ({ ids }) => {
      const index = await openWritable(call);
      checkCount(ids.length, "ids", call.services.limits.page);
      const deleted = await index.store.delete(ids);
      forgetResults(call.services);
      return Response.json({ index: index.name, deleted, count: index.store.info.count });
    }),
};

/** An item as it is answered. */
function answered({ id, meta, embedding }: AnsweredItem, vectors: boolean): Readonly<Record<string, unknown>> {
  return { id, meta, ...(vectors && embedding !== undefined ? { vector: encodeVector(embedding) } : {}) };
}

/** Forgets what was computed from the items before. */
function forgetResults({ listing, ranking, duplicates }: Call["services"]): void {
  for (const cache of [listing, ranking, duplicates]) cache.clear();
}

async function openWritable({ params, services }: Call): Promise<NamedIndex> {
  const index = await services.indexes.open(params["name"]);
  if (index.writable !== true) throw new ServerError("read-only", "this index is not writable");
  return index;
}

/** What an item's embedding is made of. */
function sourceOf({ text, image, vector: given }: NewItem, place: string, { services }: Call): EmbeddingInput | Float32Array {
  const { limits, rules } = services;
  const sources = [text, image, given].filter((one) => one !== undefined).length;
  if (sources !== 1) throw new ServerError("invalid-request", `${place}: expected one of text, image and vector, got ${sources}`);
  if (given !== undefined) return parseVector(given, `${place}.vector`);
  if (image !== undefined) return { kind: "image", image: parseImage(image, `${place}.image`, rules), place: `${place}.image` };
  return { kind: "text", text: checkText(text ?? "", `${place}.text`, limits), place: `${place}.text` };
}

async function findItem({ params, services }: Call): Promise<{ readonly index: NamedIndex; readonly found: StoreItem<unknown> }> {
  const index = await services.indexes.open(params["name"]);
  const [found] = await index.store.get([params["id"] ?? ""]);
  if (found === undefined) throw new ServerError("no-such-item", "no such item in this index");
  return { index, found };
}

/** Files are not this server's: a browser is told to show images, and to run nothing. */
async function answerImage(call: Call, read: "readFile" | "readThumbnail"): Promise<Response> {
  const { services, signal } = call;
  return services.files.run(signal, async () => {
    const { index, found } = await findItem(call);
    const bytes = await index[read]?.(found.id, found.meta);
    if (bytes === undefined) throw new ServerError("no-such-item", "the index has no such image of this item");
    const type = imageType(bytes);
    const headers = {
      "content-type": type,
      "content-security-policy": "default-src 'none'; sandbox",
      "cache-control": "private, max-age=60",
      ...(type.startsWith("image/") ? {} : { "content-disposition": "attachment" }),
    };
    return new Response(bytes as Uint8Array<ArrayBuffer>, { headers });
  });
}
