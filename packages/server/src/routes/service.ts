/**
 * What a server says of itself: its models and indexes, whether it is well, what it has counted.
 */
import { z } from "@hono/zod-openapi";
import type { ZodType } from "zod";
import { ServerError } from "../server-error.js";
import type { Route, Services } from "./route.js";

const model: ZodType = z.object({
  id: z.string(),
  object: z.literal("model"),
  created: z.number().int(),
  owned_by: z.string(),
  dim: z.number().int(),
  fingerprint: z.string(),
});

/** The models: one. */
export const listModels: Route = {
  method: "GET",
  path: "/v1/models",
  summary: "The model that is served",
  answer: { description: "a list with the model", schema: z.object({ object: z.literal("list"), data: z.array(model) }) },
  run: async ({ services }) => Response.json({ object: "list", data: [describeModel(services)] }),
};

/** The model by its name. */
export const getModel: Route = {
  method: "GET",
  path: "/v1/models/{model}",
  summary: "The model by its name",
  answer: { description: "the model", schema: model },
  async run({ params, services }) {
    if (!services.modelNames.includes(params["model"] ?? "")) throw new ServerError("no-such-model", "no such model");
    return Response.json(describeModel(services));
  },
};

/** The indexes. */
export const listIndexes: Route = {
  method: "GET",
  path: "/v1/indexes",
  summary: "The indexes that can be searched",
  answer: {
    description: "a list of the indexes",
    schema: z.object({
      object: z.literal("list"),
      data: z.array(
        z.object({
          object: z.literal("index"),
          name: z.string(),
          count: z.number().int(),
          dim: z.number().int(),
          fingerprint: z.string(),
          writable: z.boolean(),
          files: z.boolean().openapi({ description: "whether items have images" }),
          thumbnails: z.boolean(),
        }),
      ),
    }),
  },
  async run({ services }) {
    const indexes = await Promise.all(services.indexes.list().map(({ name }) => services.indexes.open(name)));
    const data = indexes.map(({ name, store, writable = false, readFile, readThumbnail }) => {
      const { count, dim, fingerprint } = store.info;
      return {
        object: "index",
        name,
        count,
        dim,
        fingerprint,
        writable,
        files: readFile !== undefined,
        thumbnails: readThumbnail !== undefined,
      };
    });
    return Response.json({ object: "list", data });
  },
};

const status: ZodType = z.object({ status: z.string() });

/** Whether the process is alive. */
export const healthz: Route = {
  method: "GET",
  path: "/healthz",
  summary: "Whether the process is alive",
  isOpen: true,
  answer: { description: "it is", schema: status },
  run: async () => Response.json({ status: "ok" }),
};

/** Whether requests are taken. */
export const readyz: Route = {
  method: "GET",
  path: "/readyz",
  summary: "Whether requests are taken: 503 once the server is ending",
  isOpen: true,
  answer: { description: "they are", schema: status },
  async run({ services }) {
    if (!services.isReady()) throw new ServerError("shutting-down", "the server is ending");
    return Response.json({ status: "ready" });
  },
};

/** The metrics. */
export const metrics: Route = {
  method: "GET",
  path: "/metrics",
  summary: "Metrics in Prometheus's format",
  answer: { description: "metrics", contentType: "text/plain" },
  async run({ services }) {
    const exposed = await services.options.metrics?.expose();
    return new Response(exposed?.text ?? "", { headers: { "content-type": exposed?.contentType ?? "text/plain" } });
  },
};

function describeModel({ modelNames, options: { embedder } }: Services): Readonly<Record<string, unknown>> {
  const { dim, fingerprint } = embedder;
  return { id: modelNames[0], object: "model", created: 0, owned_by: "chinese-clip", dim, fingerprint };
}
