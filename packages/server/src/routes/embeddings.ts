/**
 * `POST /v1/embeddings` as OpenAI's clients call it, with Jina's objects for images; `POST /embed` as those of text-embeddings-inference do.
 */
import { encodeVector } from "@chinese-clip/search/remote";
import { z } from "@hono/zod-openapi";
import type { ZodType } from "zod";
import { parseInputs } from "../input/embedding-input.js";
import { ServerError } from "../server-error.js";
import { type Call, checkModel, type Route, withJson } from "./route.js";
import { inputs, modelName } from "./schemas.js";

interface EmbeddingsBody {
  readonly input?: unknown;
  readonly model?: string | null | undefined;
  readonly encoding_format?: "float" | "base64" | null | undefined;
  readonly dimensions?: unknown;
}

const embeddingsBody: ZodType<EmbeddingsBody> = z.object({
  input: inputs,
  model: modelName,
  encoding_format: z.enum(["float", "base64"]).nullish().openapi({ description: "base64: float32, little-endian" }),
  dimensions: z.unknown().optional().openapi({ type: "integer", description: "only the model's own number; embeddings are not shortened" }),
});

const embeddingsAnswer: ZodType = z.object({
  object: z.literal("list"),
  model: z.string(),
  data: z.array(
    z.object({ object: z.literal("embedding"), index: z.number().int(), embedding: z.union([z.array(z.number()), z.string()]) }),
  ),
  usage: z.object({ prompt_tokens: z.number().int(), total_tokens: z.number().int() }),
});

/** OpenAI's route. */
export const embeddings: Route = {
  method: "POST",
  path: "/v1/embeddings",
  summary: "Embeddings of texts and images, each with L2 norm 1",
  body: { contentType: "application/json", schema: embeddingsBody },
  answer: { description: "one embedding for each input, in their order", schema: embeddingsAnswer },
  run: (call) =>
    withJson(call, embeddingsBody, async (body) => {
      const { services, signal } = call;
      checkModel(body.model, services);
      checkDimensions(body.dimensions, call);
      const { rows, tokens } = await services.work.embed(parseInputs(body.input, "input", services.rules), signal);
      const format = body.encoding_format === "base64" ? encodeVector : toNumbers;
      return Response.json({
        object: "list",
        model: services.modelNames[0],
        data: rows.map((row, index) => ({ object: "embedding", index, embedding: format(row) })),
        usage: { prompt_tokens: tokens, total_tokens: tokens },
      });
    }),
};

interface EmbedBody {
  readonly inputs?: unknown;
  readonly normalize?: boolean | undefined;
  readonly truncate?: boolean | null | undefined;
  readonly truncation_direction?: "Left" | "Right" | "left" | "right" | undefined;
  readonly prompt_name?: string | null | undefined;
  readonly dimensions?: unknown;
}

const embedBody: ZodType<EmbedBody> = z.object({
  inputs,
  normalize: z.boolean().optional().openapi({ description: "only true, the default: embeddings have L2 norm 1" }),
  truncate: z
    .boolean()
    .nullish()
    .openapi({ description: "whether a text longer than the model reads is cut; default false: it is rejected" }),
  truncation_direction: z.enum(["Left", "Right", "left", "right"]).optional().openapi({ description: "only Right, the default" }),
  prompt_name: z.string().nullish().openapi({ description: "only null: the model has no prompts" }),
  dimensions: z.unknown().optional().openapi({ type: "integer", description: "only the model's own number" }),
});

/** The route of text-embeddings-inference. */
export const embed: Route = {
  method: "POST",
  path: "/embed",
  summary: "Embeddings of texts, as text-embeddings-inference gives them",
  body: { contentType: "application/json", schema: embedBody },
  answer: { description: "one embedding for each input", schema: z.array(z.array(z.number())) },
  run: (call) =>
    withJson(call, embedBody, async (body) => {
      const { services, signal } = call;
      checkDimensions(body.dimensions, call);
      if (body.normalize === false) throw unsupported("normalize: expected true; the embedder gives embeddings with L2 norm 1 only");
      if (body.truncation_direction?.toLowerCase() === "left")
        throw unsupported("truncation_direction: expected Right; the model reads a text's start");
      if (typeof body.prompt_name === "string") throw unsupported("prompt_name: expected null; the model has no prompts");
      const parsed = parseInputs(body.inputs, "inputs", services.rules);
      const { rows, truncated } = await services.work.embed(parsed, signal);
      const long = body.truncate === true ? -1 : truncated.indexOf(true);
      if (long >= 0) {
        const place = parsed[long]?.place ?? "inputs";
        throw new ServerError("text-too-long", `${place}: the model does not read all of this text; "truncate": true embeds its start`);
      }
      return Response.json(rows.map(toNumbers));
    }),
};

/** @throws ServerError - `unsupported-option`. */
function checkDimensions(given: unknown, { services }: Call): void {
  const { dim } = services.options.embedder;
  if (given === undefined || given === null || given === dim) return;
  throw unsupported(`dimensions: expected ${dim}, the model's own; Chinese-CLIP was not trained for shorter embeddings`);
}

function unsupported(message: string): ServerError {
  return new ServerError("unsupported-option", message);
}

function toNumbers(row: Float32Array): number[] {
  return Array.from(row);
}
