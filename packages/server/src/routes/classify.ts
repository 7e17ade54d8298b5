/**
 * `POST /v1/classify`: which labels fit images, without training; or which class of a few-shot classifier.
 */
import { classifyEmbedding, type ImageClassifier } from "@chinese-clip/pipeline/classifier";
import { DEFAULT_TEMPLATE, embedClasses, scoreLabels } from "@chinese-clip/pipeline/zero-shot";
import { z } from "@hono/zod-openapi";
import type { ZodType } from "zod";
import { checkCount, checkText, parseInputs } from "../input/embedding-input.js";
import { ServerError } from "../server-error.js";
import { checkModel, type Route, type Services, withJson } from "./route.js";
import { images, modelName, strings } from "./schemas.js";

interface ClassifyBody {
  readonly input?: unknown;
  readonly labels?: readonly string[] | undefined;
  readonly classifier?: string | undefined;
  readonly template?: string | readonly string[] | undefined;
  readonly top?: number | undefined;
  readonly model?: string | null | undefined;
}

const classifyBody: ZodType<ClassifyBody> = z.object({
  input: images,
  labels: strings.optional().openapi({ description: "labels to choose from, unless a classifier is named" }),
  classifier: z.string().optional().openapi({ description: "in place of labels: the name of a few-shot classifier of the server" }),
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
  summary: "Classification of images, zero-shot or by a few-shot classifier",
  body: { contentType: "application/json", schema: classifyBody },
  answer: {
    description:
      "for each image its labels, best first: score is the softmax over the labels; similarity the cosine, or of a few-shot classifier logit what it computes",
    schema: z.object({
      object: z.literal("list"),
      model: z.string(),
      data: z.array(
        z.object({
          object: z.literal("classification"),
          index: z.number().int(),
          labels: z.array(
            z.object({ label: z.string(), score: z.number(), similarity: z.number().optional(), logit: z.number().optional() }),
          ),
        }),
      ),
    }),
  },
  run: (call) =>
    withJson(call, classifyBody, async ({ input, labels, classifier: name, template, top, model }) => {
      const { services, signal } = call;
      checkModel(model, services);
      if ((labels === undefined) === (name === undefined))
        throw new ServerError("invalid-request", "expected labels or classifier, and not both");
      const classifier = name === undefined ? undefined : classifierOf(name, services);
      if (classifier !== undefined && template !== undefined)
        throw new ServerError("invalid-request", "template: expected none beside classifier, which has its own classes");
      const parsed = parseInputs(input, "input", services.rules);
      const text = parsed.find(({ kind }) => kind === "text");
      if (text !== undefined) throw new ServerError("invalid-request", `${text.place}: expected { "image": … }, got a text`);
      const rank =
        classifier === undefined
          ? await rankLabels(labels ?? [], template ?? DEFAULT_TEMPLATE, services, signal)
          : (row: Float32Array): readonly RankedLabel[] => classifyEmbedding(classifier.head, row);
      const { rows } = await services.work.embed(parsed, signal);
      return Response.json({
        object: "list",
        model: services.modelNames[0],
        data: rows.map((row, index) => ({ object: "classification", index, labels: rank(row).slice(0, top) })),
      });
    }),
};

interface RankedLabel {
  readonly label: string;
  readonly score: number;
}

/** Labels by their cosines with an image. */
async function rankLabels(
  labels: readonly string[],
  template: string | readonly string[],
  { limits, options, work }: Services,
  signal: AbortSignal,
): Promise<(row: Float32Array) => readonly RankedLabel[]> {
  const templates = typeof template === "string" ? [template] : template;
  if (templates.some((one) => !one.includes("{}"))) throw new ServerError("invalid-request", "template: expected {} where the label goes");
  checkCount(labels.length * templates.length, "labels", limits.inputs);
  for (const [i, label] of labels.entries()) checkText(label, `labels[${i}]`, limits);
  for (const one of templates) checkText(one, "template", limits);
  const classes = await embedClasses(labels, templates, (texts) => work.embedTexts(texts, signal));
  const logitScale = options.logitScale ?? DEFAULT_LOGIT_SCALE;
  return (row) => scoreLabels(row, labels, classes, logitScale);
}

function classifierOf(name: string, { options }: Services): ImageClassifier {
  const { classifiers = {} } = options;
  const found = Object.hasOwn(classifiers, name) ? classifiers[name] : undefined;
  if (found !== undefined) return found;
  const names = Object.keys(classifiers);
  throw new ServerError(
    "invalid-request",
    `classifier: expected ${names.length === 0 ? "none, as the server has none" : `one of ${names.join(", ")}`}, got ${JSON.stringify(name.slice(0, 60))}`,
  );
}
