/**
 * Typed reading of `config.json`: JSON enters as `unknown` and leaves as numbers and words within stated bounds.
 */
import { CheckpointError, quote } from "../checkpoint-error.js";

/** A JSON object whose values nobody has looked at yet. */
export type JsonObject = Readonly<Record<string, unknown>>;

/** Reads typed fields from one object of `config.json`; a missing or null key takes the default, a wrong one is an error that names it. */
export class ConfigReader {
  readonly #json: JsonObject;
  readonly #path: string;

  constructor(json: unknown, path: string) {
    this.#json = asJsonObject(json, path);
    this.#path = path;
  }

  /** An integer in `[min, max]`. The ceilings keep a hostile file from describing absurd graphs. */
  integer(key: string, fallback: number, min: number, max: number): number {
    const value = this.#json[key] ?? fallback;
    if (typeof value !== "number" || !Number.isInteger(value) || value < min || value > max) {
      this.#reject(key, `an integer from ${min} to ${max}`, value);
    }
    return value;
  }

  /** An integer that divides `whole`, such as the number of heads into which a width is cut. */
  divisor(key: string, fallback: number, whole: number): number {
    const value = this.integer(key, fallback, 1, whole);
    if (whole % value !== 0) this.#reject(key, `a divisor of ${whole}`, value);
    return value;
  }

  /** An integer in `[min, max]` that is a multiple of `unit`. */
  multiple(key: string, fallback: number, unit: number, min: number, max: number): number {
    const value = this.integer(key, fallback, min, max);
    if (value % unit !== 0) this.#reject(key, `a multiple of ${unit}`, value);
    return value;
  }

  /** `length` integers in `[min, max]`. */
  integers(key: string, fallback: readonly number[], length: number, min: number, max: number): readonly number[] {
    const value = this.#json[key] ?? fallback;
    const fits = (item: unknown): item is number => typeof item === "number" && Number.isInteger(item) && item >= min && item <= max;
    if (!Array.isArray(value) || value.length !== length || !value.every(fits))
      this.#reject(key, `${length} integers from ${min} to ${max}`, value);
    return value;
  }

  /** A finite number in `[min, max]`. */
  number(key: string, fallback: number, min: number, max: number): number {
    const value = this.#json[key] ?? fallback;
    if (typeof value !== "number" || !(value >= min && value <= max)) this.#reject(key, `a number from ${min} to ${max}`, value);
    return value;
  }

  /** One of a set of words. */
  choice<T extends string>(key: string, fallback: T, choices: readonly T[]): T {
    const value = this.#json[key] ?? fallback;
    const found = choices.find((choice) => choice === value);
    if (found === undefined) this.#reject(key, `one of ${choices.join(", ")}`, value);
    return found;
  }

  /** What one of a set of words stands for. */
  meaning<T>(key: string, fallback: string, meanings: ReadonlyMap<string, T>): T {
    return meanings.get(this.choice(key, fallback, [...meanings.keys()])) as T;
  }

  #reject(key: string, expected: string, actual: unknown): never {
    reject(`${this.#path}.${key}`, expected, actual);
  }
}

/**
 * The object that configures one tower: a part of a composite configuration, or the whole of a tower's own. The old
 * `text_config_dict` and `vision_config_dict`, where a file still has them, win over the part, as in transformers.
 */
export function towerPart(json: unknown, key: "text_config" | "vision_config"): JsonObject {
  const object = asJsonObject(json, "config.json");
  const composite = object["model_type"] === "chinese_clip" || "text_config" in object || "vision_config" in object;
  if (!composite) return object;
  return { ...asJsonObject(object[key] ?? {}, key), ...asJsonObject(object[`${key}_dict`] ?? {}, `${key}_dict`) };
}

/** The value as an object, or a {@link CheckpointError} that names the place. */
export function asJsonObject(json: unknown, path: string): JsonObject {
  if (typeof json !== "object" || json === null || Array.isArray(json)) reject(path, "an object", json);
  return json as JsonObject;
}

function reject(path: string, expected: string, actual: unknown): never {
  throw new CheckpointError("invalid-config", `${path}: expected ${expected}, got ${quote(actual)}`, { key: path, expected, actual });
}
