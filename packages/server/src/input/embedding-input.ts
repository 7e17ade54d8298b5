/**
 * The inputs of an embedding, as OpenAI's and Jina's clients give it: `"猫"`, `{ "text": "猫" }`, `{ "image": "data:image/png;base64,…" }`, one or a list.
 */
import type { AllLimits } from "../limits.js";
import type { ServedImage } from "../options.js";
import { ServerError } from "../server-error.js";
import { type ImageRules, parseImage } from "./image-input.js";

/** One text or image. */
export type EmbeddingInput =
  | { readonly kind: "text"; readonly text: string; readonly place: string }
  | { readonly kind: "image"; readonly image: ServedImage; readonly place: string };

/** The rules for inputs. */
export type InputRules = ImageRules & { readonly limits: Pick<AllLimits, "inputs" | "textLength" | "pixels"> };

/**
 * Reads a list of inputs, or a single one.
 *
 * @param place - the field, for messages.
 * @throws ServerError - `invalid-request`, `token-input`, `too-many-inputs`, `text-too-long`, and what an image may be rejected for.
 */
export function parseInputs(value: unknown, place: string, rules: InputRules): EmbeddingInput[] {
  if (!Array.isArray(value)) return [parseInput(value, place, rules)];
  const list: readonly unknown[] = value;
  const [first] = list;
  if (typeof first === "number" || Array.isArray(first)) {
    throw new ServerError(
      "token-input",
      `${place}: expected texts, got token ids; the ids of another tokenizer mean nothing to this model, so give the texts themselves`,
    );
  }
  if (list.length === 0) throw new ServerError("invalid-request", `${place}: expected at least one input, got none`);
  checkCount(list.length, place, rules.limits.inputs);
  return list.map((one, i) => parseInput(one, `${place}[${i}]`, rules));
}

/** @throws ServerError - `too-many-inputs`. */
export function checkCount(count: number, place: string, maximum: number): void {
  if (count > maximum) throw new ServerError("too-many-inputs", `${place}: expected at most ${maximum} inputs, got ${count}`);
}

/** @throws ServerError - `text-too-long`. */
export function checkText(text: string, place: string, { textLength }: Pick<AllLimits, "textLength">): string {
  if (text.length <= textLength) return text;
  const cure = text.startsWith("data:image/") ? '; give an image as { "image": "data:…" }' : "";
  throw new ServerError("text-too-long", `${place}: expected a text of at most ${textLength} characters, got ${text.length}${cure}`);
}

function parseInput(value: unknown, place: string, rules: InputRules): EmbeddingInput {
  if (typeof value === "string") return { kind: "text", text: checkText(value, place, rules.limits), place };
  const { text, image } = typeof value === "object" && value !== null ? (value as Readonly<Record<string, unknown>>) : {};
  if (typeof text === "string" && image === undefined)
    return { kind: "text", text: checkText(text, `${place}.text`, rules.limits), place: `${place}.text` };
  if (typeof image === "string" && text === undefined)
    return { kind: "image", image: parseImage(image, `${place}.image`, rules), place: `${place}.image` };
  throw new ServerError("invalid-request", `${place}: expected a text, { "text": … } or { "image": … }, got something else`);
}
