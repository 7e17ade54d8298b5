/**
 * immich's machine learning API (`machine-learning/immich_ml/main.py`): `GET /ping`, and `POST /predict` with the tasks as JSON in the field
 * `entries` and an `image` or a `text`. The answer's embedding is JSON in a string. Tasks other than CLIP go to immich's own server, if there is one.
 */
import { z } from "@hono/zod-openapi";
import { checkText, type EmbeddingInput } from "../input/embedding-input.js";
import { checkPixels } from "../input/image-input.js";
import { type FormField, parseForm } from "../input/parse-form.js";
import { parseJson } from "../input/parse-json.js";
import { ServerError } from "../server-error.js";
import { type Call, type Route, withBody } from "./route.js";

type Tasks = Readonly<Record<string, unknown>>;

/** immich looks for it every few seconds. */
export const ping: Route = {
  method: "GET",
  path: "/ping",
  summary: "Whether the server is there, as immich asks",
  isOpen: true,
  answer: { description: "pong", contentType: "text/plain" },
  run: async () => new Response("pong", { headers: { "content-type": "text/plain; charset=utf-8" } }),
};

/** immich's tasks. */
export const predict: Route = {
  method: "POST",
  path: "/predict",
  summary: "An embedding as immich asks for it",
  body: {
    contentType: "multipart/form-data",
    schema: z.object({
      entries: z
        .string()
        .openapi({ description: 'tasks as JSON: { "clip": { "visual": { "modelName": "…" } } }; the name is not looked at' }),
      text: z.string().optional(),
      image: z.string().optional().openapi({ format: "binary" }),
    }),
  },
  answer: {
    description: "the embedding as JSON in a string",
    schema: z.object({ clip: z.string().optional(), imageHeight: z.number().optional(), imageWidth: z.number().optional() }),
  },
  run: (call) =>
    withBody(call, async (bytes) => {
      const contentType = call.request.headers.get("content-type") ?? "";
      const form = parseForm(bytes, contentType);
      const { clip, ...others } = parseEntries(form.get("entries"));
      if (clip === undefined) return forward(call, { body: bytes, headers: { "content-type": contentType } });
      const answer = await embedEntry(clip, form, call);
      if (Object.keys(others).length === 0) return Response.json(answer);
      const upstream: unknown = await (await forward(call, { body: formOf(others, form) })).json();
      return Response.json({ ...(typeof upstream === "object" ? upstream : {}), ...answer });
    }),
};

/** @throws ServerError - `invalid-form`. */
function parseEntries(field: FormField | undefined): Tasks {
  if (field === undefined) throw new ServerError("invalid-form", "expected a field entries, got none");
  const tasks = parseJson(field.bytes);
  if (typeof tasks !== "object" || tasks === null || Array.isArray(tasks) || Object.keys(tasks).length === 0)
    throw new ServerError("invalid-request", "entries: expected an object of tasks");
  return tasks as Tasks;
}

async function embedEntry(
  types: unknown,
  form: ReadonlyMap<string, FormField>,
  { services, signal }: Call,
): Promise<Record<string, unknown>> {
  const names = typeof types === "object" && types !== null ? Object.keys(types) : [];
  const [tower] = names;
  if (names.length !== 1 || (tower !== "visual" && tower !== "textual"))
    throw new ServerError("invalid-request", "entries.clip: expected visual or textual");
  const field = form.get(tower === "visual" ? "image" : "text");
  if (field === undefined) throw new ServerError("invalid-form", `expected a field ${tower === "visual" ? "image" : "text"}, got none`);
  const { limits, options, rules, work } = services;
  if (tower === "visual") checkPixels(field.bytes, "image", rules);
  const input: EmbeddingInput =
    tower === "visual"
      ? { kind: "image", image: field.bytes, place: "image" }
      : { kind: "text", text: checkText(new TextDecoder().decode(field.bytes), "text", limits), place: "text" };
  const { rows } = await work.embed([input], signal);
  const size = tower === "visual" ? options.imageSize?.(field.bytes) : undefined;
  return {
    clip: JSON.stringify(Array.from(rows[0] as Float32Array)),
    ...(size === undefined ? {} : { imageHeight: size.height, imageWidth: size.width }),
  };
}

/** The same form with the other tasks only. */
function formOf(tasks: Tasks, form: ReadonlyMap<string, FormField>): FormData {
  const data = new FormData();
  data.append("entries", JSON.stringify(tasks));
  for (const [name, { bytes, isFile }] of form) {
    if (name === "entries") continue;
    if (isFile) data.append(name, new Blob([bytes]), name);
    else data.append(name, new TextDecoder().decode(bytes));
  }
  return data;
}

/** @throws ServerError - `unsupported-option`: there is no server to forward to; `upstream-failed`. */
async function forward({ services, signal }: Call, init: Pick<RequestInit, "body" | "headers">): Promise<Response> {
  const { immichUpstream, fetch: send = (url, how) => fetch(url, how) } = services.options;
  if (immichUpstream === undefined)
    throw new ServerError("unsupported-option", "entries: expected the task clip; others need a server to forward to (immichUpstream)");
  const base = new URL(immichUpstream);
  base.pathname = `${base.pathname.replace(/\/$/, "")}/predict`;
  try {
    const response = await send(base, { method: "POST", redirect: "error", signal, ...init });
    if (!response.ok) throw new Error(`HTTP status ${response.status}`);
    return Response.json(await response.json());
  } catch (cause) {
    signal.throwIfAborted();
    const reason = cause instanceof Error ? cause.message.slice(0, 200) : "";
    throw new ServerError("upstream-failed", `immich's own server does not answer (${reason})`, {}, { cause });
  }
}
