/**
 * `GET /openapi.json`: the routes as OpenAPI 3.1, from the same objects that are served.
 */
import { OpenAPIHono, z } from "@hono/zod-openapi";
import type { Route } from "./route.js";
import { errorBody } from "./schemas.js";

const DOCUMENT = {
  openapi: "3.1.0",
  info: { title: "chinese-clip", version: "1", description: "Chinese-CLIP's embeddings of texts and images, classification and search." },
} as const;

/** The route that describes the others. */
export function openApiRoute(others: readonly Route[]): Route {
  const route: Route = {
    method: "GET",
    path: "/openapi.json",
    summary: "This description",
    isOpen: true,
    answer: { description: "OpenAPI 3.1", contentType: "application/json" },
    run: async () => Response.json(document()),
  };
  let made: unknown;
  const document = (): unknown => (made ??= describe([...others, route]));
  return route;
}

function describe(routes: readonly Route[]): unknown {
  const app = new OpenAPIHono();
  app.openAPIRegistry.registerComponent("securitySchemes", "key", { type: "http", scheme: "bearer" });
  for (const { method, path, summary, isOpen = false, body, queryParameters = {}, answer } of routes) {
    const params = [...path.matchAll(/\{(\w+)\}/g)].map(([, name]) => [name as string, z.string()] as const);
    const queries = Object.entries(queryParameters).map(
      ([name, description]) => [name, z.string().optional().openapi({ description })] as const,
    );
    app.openAPIRegistry.registerPath({
      method: method.toLowerCase() as "get" | "post" | "put" | "delete",
      path,
      summary,
      ...(isOpen ? {} : { security: [{ key: [] }] }),
      request: {
        ...(params.length === 0 ? {} : { params: z.object(Object.fromEntries(params)) }),
        ...(queries.length === 0 ? {} : { query: z.object(Object.fromEntries(queries)) }),
        ...(body === undefined ? {} : { body: { required: true, content: { [body.contentType]: { schema: body.schema } } } }),
      },
      responses: {
        200: {
          description: answer.description,
          content: { [answer.contentType ?? "application/json"]: { schema: answer.schema ?? z.unknown() } },
        },
        default: { description: "what cannot be done, and why", content: { "application/json": { schema: errorBody } } },
      },
    });
  }
  return app.getOpenAPI31Document(DOCUMENT);
}
