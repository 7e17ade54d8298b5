/**
 * `POST /v1/classify`: which labels fit images, without training.
 */
import { DEFAULT_TEMPLATE, embedClasses, scoreLabels } from "@chinese-clip/pipeline/zero-shot";
import { z } from "@hono/zod-openapi";
import type { ZodType } from "zod";
import { checkCount, checkText, parseInputs } from "../input/embedding-input.js";
import { ServerError } from "../server-error.js";
import { checkModel, type Route, withJson } from "./route.js";
import { images, modelName, strings } from "./schemas.js";

interface ClassifyBody {
  readonly input?: unknown;
  readonly labels: readonly string[];
  readonly template?: string | readonly string[] | undefined;
  readonly top?: number | undefined;
  readonly model?: string | null | undefined;
}

const classifyBody: ZodType<ClassifyBody> = z.object({
  input: images,
  labels: strings,
  template: z
    .union([z.string(), strings])
    .optional()
    .openapi({ description: "a sentence with {} where the label goes, or several", example: "一张{}的照片" }),
  top: z.number().int().min(1).optional().openapi({ description: "labels of each image, at most" }),
  model: modelName,
});

const DEFAULT_LOGIT_SCALE = 100;

/** The route. */
export const classify: Route = {
  method: "POST",
  path: "/v1/classify",
  summary: "Zero-shot classification of images",
  body: { contentType: "application/json", schema: classifyBody },
  answer: {
    description: "for each image its labels, best first: score is the softmax over the labels, similarity the cosine",
    schema: z.object({
      object: z.literal("list"),
      model: z.string(),
      data: z.array(
        z.object({
          object: z.literal("classification"),
          index: z.number().int(),
          labels: z.array(z.object({ label: z.string(), score: z.number(), similarity: z.number() })),
        }),
      ),
    }),
  },
  run: (call) =>
    withJson(call, classifyBody, async ({ input, labels, template = DEFAULT_TEMPLATE, top, model }) => {
      const { services, signal } = call;
      const { limits, options, rules, work } = services;
      checkModel(model, services);
      const templates = typeof template === "string" ? [template] : template;
      if (templates.some((one) => !one.includes("{}")))
        throw new ServerError("invalid-request", "template: expected {} where the label goes");
      checkCount(labels.length * templates.length, "labels", limits.inputs);
      for (const [i, label] of labels.entries()) checkText(label, `labels[${i}]`, limits);
      for (const one of templates) checkText(one, "template", limits);
      const parsed = parseInputs(input, "input", rules);
      const text = parsed.find(({ kind }) => kind === "text");
      if (text !== undefined) throw new ServerError("invalid-request", `${text.place}: expected { "image": … }, got a text`);
      const classes = await embedClasses(labels, templates, (texts) => work.embedTexts(texts, signal));
      const { rows } = await work.embed(parsed, signal);
      const logitScale = options.logitScale ?? DEFAULT_LOGIT_SCALE;
      return Response.json({
        object: "list",
        model: services.modelNames[0],
        data: rows.map((row, index) => ({
          object: "classification",
          index,
          labels: scoreLabels(row, labels, classes, logitScale).slice(0, top),
        })),
      });
    }),
};
