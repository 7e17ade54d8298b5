/**
 * Schemas that several routes share. Long lists are checked by hand: a list of a million wrong values is one message, not a million.
 */
import { decodeVector } from "@chinese-clip/search/remote";
import { z } from "@hono/zod-openapi";
import type { ZodType } from "zod";
import { ServerError } from "../server-error.js";

/** A model's name; null counts as none. */
export const modelName: ZodType<string | null | undefined> = z.string().max(200).nullish().openapi({ example: "chinese-clip" });

/** An embedding in a request: numbers, or what `encodeVector` of `@chinese-clip/search/remote` makes of them. */
export type GivenVector = readonly number[] | string;

/** An embedding. */
export const vector: ZodType<GivenVector> = z
  .custom<GivenVector>(
    (value) => typeof value === "string" || (Array.isArray(value) && value.length > 0 && value.every((one) => Number.isFinite(one))),
    "expected an array of numbers, or base64 of float32",
  )
  .openapi({
    description: "an embedding of the same model, with L2 norm 1; as a string base64 of float32, little-endian",
    type: ["array", "string"],
    items: { type: "number" },
  });

/** @throws ServerError - `invalid-request`. */
export function parseVector(given: GivenVector, place: string): Float32Array {
  const parsed = typeof given === "string" ? decodeVector(given) : Float32Array.from(given);
  if (parsed === undefined)
    throw new ServerError("invalid-request", `${place}: expected base64 of finite float32 values, got something else`);
  return parsed;
}

/** Strings, at least one. */
export const strings: ZodType<readonly string[]> = z
  .custom<readonly string[]>(
    (value) => Array.isArray(value) && value.length > 0 && value.every((one) => typeof one === "string"),
    "expected an array of strings, and not an empty one",
  )
  .openapi({ type: "array", items: { type: "string" } });

/** Which model given vectors are of; checked where it is given. */
export const fingerprint: ZodType<string | undefined> = z
  .string()
  .max(500)
  .optional()
  .openapi({ description: "the model that the vectors are of, as /v1/models has it; rejected where the index has another" });

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
