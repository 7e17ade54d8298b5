/**
 * Schemas that several routes share. Long lists are checked by hand: a list of a million wrong values is one message, not a million.
 */
import { z } from "@hono/zod-openapi";
import type { ZodType } from "zod";

/** A model's name; null counts as none. */
export const modelName: ZodType<string | null | undefined> = z.string().max(200).nullish().openapi({ example: "chinese-clip" });

/** Finite numbers. */
export const numbers: ZodType<readonly number[]> = z
  .custom<readonly number[]>(
    (value) => Array.isArray(value) && value.length > 0 && value.every((one) => Number.isFinite(one)),
    "expected an array of numbers",
  )
  .openapi({ type: "array", items: { type: "number" } });

/** Strings, at least one. */
export const strings: ZodType<readonly string[]> = z
  .custom<readonly string[]>(
    (value) => Array.isArray(value) && value.length > 0 && value.every((one) => typeof one === "string"),
    "expected an array of strings, and not an empty one",
  )
  .openapi({ type: "array", items: { type: "string" } });

/** A part of OpenAPI's description. */
type Schema = {
  readonly type: "string" | "object";
  readonly description?: string;
  properties?: Record<string, Schema>;
  required?: string[];
};

const TEXT = { type: "string", description: "a text" } satisfies Schema;
const TEXT_OBJECT = { type: "object", properties: { text: TEXT }, required: ["text"] } satisfies Schema;
const IMAGE = { type: "string", description: "an encoded image as a data: URL or base64" } satisfies Schema;
const IMAGE_OBJECT = { type: "object", properties: { image: IMAGE }, required: ["image"] } satisfies Schema;

/** Texts and images; what is wrong with one is said by `parseInputs`. */
export const inputs: ZodType = z.unknown().openapi({
  description: "a text, an object with a text or an image, or a list of these",
  oneOf: [TEXT, TEXT_OBJECT, IMAGE_OBJECT, { type: "array", items: { oneOf: [TEXT, TEXT_OBJECT, IMAGE_OBJECT] } }],
});

/** Images alone. */
export const images: ZodType = z.unknown().openapi({
  description: "an object with an image, or a list of these",
  oneOf: [IMAGE_OBJECT, { type: "array", items: IMAGE_OBJECT }],
});

/** A filter of `@chinese-clip/search`; what is wrong with one is said by `parseFilter`. */
export const filter: ZodType = z.unknown().openapi({
  type: "object",
  description: 'a condition on metadata: { "field": "path", "op": "startsWith", "value": "2024/" }, or "and", "or", "not" of conditions',
});

/** Any JSON object. */
export const jsonObject: ZodType<Readonly<Record<string, unknown>>> = z
  .custom<Readonly<Record<string, unknown>>>(
    (value) => typeof value === "object" && value !== null && !Array.isArray(value),
    "expected an object",
  )
  .openapi({ type: "object" });

/** The answer to what cannot be done. */
export const errorBody: ZodType = z.object({
  error: z.object({ message: z.string(), type: z.string(), code: z.string() }),
});
