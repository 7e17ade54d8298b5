/**
 * Classifiers as JSON: one object, its arrays as base64 of little-endian float32. What is read is checked field by field, so that a file by a
 * stranger gives a classifier with finite scores or a {@link ClassifierError}.
 */
import { showValue } from "../show-value.js";
import { ClassifierError } from "./classifier-error.js";
import type { ClassifierHead, LinearProbe, TipAdapter } from "./head.js";
import type { ImageClassifier } from "./image-classifier.js";

/** What tells these files from other JSON. */
const FORMAT = "chinese-clip-classifier";

/** The version that is written, and the latest that is read. */
const VERSION = 1;

/** What a file may have at most. */
export interface ClassifierLimits {
  /** UTF-16 units of the file. */
  readonly characters: number;
  /** Classes. */
  readonly classes: number;
  /** UTF-16 units of a class's name. */
  readonly nameLength: number;
  /** Values of an embedding. */
  readonly dim: number;
  /** Keys of an adapter. */
  readonly keys: number;
}

/** The largest that are read. 20,000 keys of 512 values are 55 million characters. */
export const CLASSIFIER_LIMITS: ClassifierLimits = {
  characters: 64 * 2 ** 20,
  classes: 10_000,
  nameLength: 200,
  dim: 8_192,
  keys: 100_000,
};

/** The largest number in a file: no fit goes beyond it, and float64 has room for what it gives. */
const MAX_VALUE = 1e6;

type Fields = Readonly<Record<string, unknown>>;

/** A classifier as the text of a file. */
export function formatClassifier({ model, head }: ImageClassifier): string {
  const { method, classes, dim } = head;
  const start = {
    format: FORMAT,
    version: VERSION,
    method,
    model: { fingerprint: model.fingerprint, dim, probe: toBase64(model.probe) },
    labels: classes,
  };
  const rest =
    head.method === "linear"
      ? { regularization: head.regularization, bias: toBase64(head.bias), weights: toBase64(head.weights) }
      : {
          scale: head.scale,
          alpha: head.alpha,
          beta: head.beta,
          keyLabels: head.labels,
          texts: toBase64(head.texts),
          keys: toBase64(head.keys),
        };
  // A line for each field: what a classifier is can be read at the head of the file.
  const lines = Object.entries({ ...start, ...rest }).map(([name, value]) => `  ${JSON.stringify(name)}: ${JSON.stringify(value)}`);
  return `{\n${lines.join(",\n")}\n}\n`;
}

/**
 * A classifier out of a file's text.
 *
 * @param file - its name, for errors.
 * @throws ClassifierError - `too-large`, `not-json`, `not-a-classifier`, `unsupported-version`, `invalid-field`.
 */
export function parseClassifier(text: string, file?: string): ImageClassifier {
  const { characters } = CLASSIFIER_LIMITS;
  if (text.length > characters)
    throw new ClassifierError("too-large", `expected a classifier of at most ${characters} characters, got ${text.length}`, {
      file,
      expected: characters,
      got: text.length,
    });
  let json: unknown;
  try {
    json = JSON.parse(text.replace(/^\uFEFF/u, ""));
  } catch (cause) {
    throw new ClassifierError("not-json", "expected a classifier as JSON; is the file cut off, or another?", { file }, { cause });
  }
  return new ClassifierReader(file).read(json);
}

/** Reads fields, and names the file in what is wrong with them. */
class ClassifierReader {
  readonly #file: string | undefined;

  constructor(file: string | undefined) {
    this.#file = file;
  }

  read(json: unknown): ImageClassifier {
    const fields = this.#object(json, "");
    if (own(fields, "format") !== FORMAT)
      throw new ClassifierError("not-a-classifier", `expected a classifier ("format": "${FORMAT}"), got other JSON`, { file: this.#file });
    const version = this.#number(fields, "version", 1, Number.MAX_SAFE_INTEGER);
    if (version !== VERSION)
      throw new ClassifierError("unsupported-version", `expected a classifier of version ${VERSION}, got ${version}; update this program`, {
        file: this.#file,
        expected: VERSION,
        got: version,
      });
    const model = this.#object(own(fields, "model"), "model");
    const fingerprint = own(model, "fingerprint");
    if (typeof fingerprint !== "string" || fingerprint === "" || fingerprint.length > 200)
      throw this.#wrong("model.fingerprint", "a string of 1 to 200 characters", fingerprint);
    const dim = this.#integer(model, "dim", CLASSIFIER_LIMITS.dim, "model.dim");
    const probe = this.#floats(model, "probe", dim, "model.probe");
    if (!probe.some((value) => value !== 0)) throw this.#wrong("model.probe", "an embedding", "zeros");
    return { model: { fingerprint, probe }, head: this.#head(fields, dim) };
  }

  #head(fields: Fields, dim: number): ClassifierHead {
    const classes = this.#classes(own(fields, "labels"));
    const method = own(fields, "method");
    if (method === "linear") {
      return {
        method,
        classes,
        dim,
        weights: this.#floats(fields, "weights", classes.length * dim),
        bias: this.#floats(fields, "bias", classes.length),
        regularization: this.#number(fields, "regularization", 0, MAX_VALUE),
      } satisfies LinearProbe;
    }
    if (method !== "tip-adapter" && method !== "tip-adapter-f") throw this.#wrong("method", "linear, tip-adapter or tip-adapter-f", method);
    const labels = this.#keyLabels(own(fields, "keyLabels"), classes.length);
    return {
      method,
      classes,
      dim,
      texts: this.#floats(fields, "texts", classes.length * dim),
      keys: this.#floats(fields, "keys", labels.length * dim),
      labels,
      scale: this.#number(fields, "scale", 0, MAX_VALUE),
      alpha: this.#number(fields, "alpha", 0, MAX_VALUE),
      beta: this.#number(fields, "beta", 0, MAX_VALUE),
    } satisfies TipAdapter;
  }

  #classes(value: unknown): string[] {
    const { classes, nameLength } = CLASSIFIER_LIMITS;
    if (!Array.isArray(value) || value.length < 2 || value.length > classes)
      throw this.#wrong("labels", `an array of 2 to ${classes} names`, value);
    const seen = new Set<string>();
    return value.map((name: unknown, i) => {
      if (typeof name !== "string" || name.trim() === "" || name.length > nameLength)
        throw this.#wrong(`labels[${i}]`, `a name of 1 to ${nameLength} characters`, name);
      if (seen.has(name)) throw this.#wrong(`labels[${i}]`, "each name once", name);
      seen.add(name);
      return name;
    });
  }

  #keyLabels(value: unknown, classes: number): number[] {
    const { keys } = CLASSIFIER_LIMITS;
    if (!Array.isArray(value) || value.length === 0 || value.length > keys)
      throw this.#wrong("keyLabels", `an array of 1 to ${keys} integers`, value);
    return value.map((label: unknown, i) => {
      if (typeof label === "number" && Number.isInteger(label) && label >= 0 && label < classes) return label;
      throw this.#wrong(`keyLabels[${i}]`, `an integer from 0 to ${classes - 1}`, label);
    });
  }

  #floats(fields: Fields, name: string, count: number, path: string = name): Float32Array {
    const value = own(fields, name);
    const bytes = 4 * count;
    // Four characters for three bytes; compared before anything is decoded.
    if (typeof value !== "string" || value.length !== 4 * Math.ceil(bytes / 3))
      throw this.#wrong(path, `base64 of ${count} float32 values`, value);
    const floats = fromBase64(value);
    if (floats?.length !== count) throw this.#wrong(path, `base64 of ${count} float32 values`, value);
    const other = floats.find((number) => !(Math.abs(number) <= MAX_VALUE));
    if (other !== undefined) throw this.#wrong(path, `values between -${MAX_VALUE} and ${MAX_VALUE}`, other);
    return floats;
  }

  #integer(fields: Fields, name: string, maximum: number, path: string): number {
    const value = own(fields, name);
    if (typeof value === "number" && Number.isInteger(value) && value >= 1 && value <= maximum) return value;
    throw this.#wrong(path, `an integer from 1 to ${maximum}`, value);
  }

  #number(fields: Fields, name: string, minimum: number, maximum: number): number {
    const value = own(fields, name);
    if (typeof value === "number" && value >= minimum && value <= maximum) return value;
    throw this.#wrong(name, `a number from ${minimum} to ${maximum}`, value);
  }

  #object(value: unknown, field: string): Fields {
    if (typeof value === "object" && value !== null && !Array.isArray(value)) return value as Fields;
    if (field !== "") throw this.#wrong(field, "an object", value);
    throw new ClassifierError("not-a-classifier", `expected a classifier, a JSON object, got ${showValue(value)}`, { file: this.#file });
  }

  #wrong(field: string, expected: string, value: unknown): ClassifierError {
    const got = value === undefined ? "nothing" : showValue(value);
    return new ClassifierError("invalid-field", `${field}: expected ${expected}, got ${got}`, { file: this.#file, field, expected, got });
  }
}

/** A field of the object itself, whatever `Object.prototype` has. */
function own(fields: Fields, name: string): unknown {
  return Object.hasOwn(fields, name) ? fields[name] : undefined;
}

function toBase64(values: Float32Array): string {
  const bytes = new DataView(new ArrayBuffer(4 * values.length));
  for (const [i, value] of values.entries()) bytes.setFloat32(4 * i, value, true);
  let text = "";
  for (const byte of new Uint8Array(bytes.buffer)) text += String.fromCharCode(byte);
  return btoa(text);
}

function fromBase64(text: string): Float32Array | undefined {
  let decoded: string;
  try {
    decoded = atob(text);
  } catch {
    return undefined;
  }
  if (decoded.length % 4 !== 0) return undefined;
  const bytes = new DataView(new ArrayBuffer(decoded.length));
  for (let i = 0; i < decoded.length; i++) bytes.setUint8(i, decoded.charCodeAt(i));
  return Float32Array.from({ length: decoded.length / 4 }, (_, i) => bytes.getFloat32(4 * i, true));
}
