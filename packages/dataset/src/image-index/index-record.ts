/** What an image index is of: `images.json`, beside the files of its vector store. Replaced as a whole, by one rename. */
import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { isAbsent } from "@chinese-clip/pipeline/node";
import { DatasetError, shown } from "../dataset-error.js";
import { writeWhole } from "../files/write-whole.js";
import { checkSignature } from "../output/signature.js";

/** How the file begins. */
const SIGNATURE = '{"format":"chinese-clip-images",';
const VERSION = 1;

/** Bytes of the file at most: thousands of folders. */
const MAX_BYTES = 16 << 20;

/** How the images of an index are embedded; a later run has to use the same. */
export interface ImageIndexSettings {
  /** The model's source, such as `OFA-Sys/chinese-clip-vit-base-patch16`, for the program that loads it again. */
  readonly model: string;
  /** The dtype of the image tower. */
  readonly dtype?: string;
  /** The tokenizer's flavor. */
  readonly flavor?: string;
  /** How images are decoded: `fast` as the option of `fromPretrained`. Default `exact`. */
  readonly decode?: "exact" | "fast";
  /** Whether images are turned by their EXIF orientation before they are embedded. */
  readonly orientation: boolean;
}

/** What `images.json` states. */
export interface IndexRecord {
  readonly settings: ImageIndexSettings;
  /** Absolute paths, with `/`; none is in another. */
  readonly folders: readonly string[];
}

/** Where the record is. */
export function recordPath(index: string): string {
  return join(index, "images.json");
}

/**
 * Reads the record of an index.
 *
 * @returns undefined where there is none.
 * @throws DatasetError - `foreign-output`: another program's file; `invalid-index-record`.
 */
export async function readIndexRecord(index: string): Promise<IndexRecord | undefined> {
  const file = recordPath(index);
  await checkSignature(file, SIGNATURE);
  const bytes = await readFile(file).catch((error: unknown) => {
    if (isAbsent(error)) return undefined;
    throw error;
  });
  if (bytes === undefined) return undefined;
  const record = bytes.length > MAX_BYTES ? undefined : parseRecord(bytes.toString());
  if (record === undefined) throw new DatasetError("invalid-index-record", { file });
  return record;
}

/** Replaces the record. The index's writer alone may do so. */
export async function writeIndexRecord(index: string, { settings, folders }: IndexRecord): Promise<void> {
  await checkSignature(recordPath(index), SIGNATURE);
  const { model, dtype, flavor, decode, orientation } = settings;
  const stated = { model, dtype, flavor, decode: decode === "exact" ? undefined : decode, orientation };
  await writeWhole(recordPath(index), [
    `${JSON.stringify({ format: "chinese-clip-images", version: VERSION, settings: stated, folders })}\n`,
  ]);
}

/**
 * Makes sure that a run uses the settings of an index.
 *
 * @param given - those that are not given are not checked.
 * @param isSameModel - whether the model is known to be the index's, whatever it is called.
 * @throws DatasetError - `index-setting`.
 */
export function checkSettings(file: string, recorded: ImageIndexSettings, given: Partial<ImageIndexSettings>, isSameModel: boolean): void {
  const stated = { ...recorded, decode: recorded.decode ?? "exact" };
  for (const name of ["model", "dtype", "flavor", "decode", "orientation"] as const) {
    if (given[name] === undefined || given[name] === stated[name] || (name === "model" && isSameModel)) continue;
    const [before, current] = [shown(stated[name] ?? "none"), shown(given[name])];
    throw new DatasetError("index-setting", { name, recorded: before, current, file });
  }
}

function parseRecord(text: string): IndexRecord | undefined {
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch {
    return undefined;
  }
  const { version, settings, folders } = value as Readonly<Record<string, unknown>>;
  if (version !== VERSION || typeof settings !== "object" || settings === null) return undefined;
  const { model, dtype, flavor, decode, orientation } = settings as Readonly<Record<string, unknown>>;
  if (typeof model !== "string" || typeof orientation !== "boolean" || !isOptionalString(dtype) || !isOptionalString(flavor))
    return undefined;
  if (decode !== undefined && decode !== "exact" && decode !== "fast") return undefined;
  if (!Array.isArray(folders) || !folders.every((folder) => typeof folder === "string")) return undefined;
  return {
    settings: {
      model,
      ...(dtype === undefined ? {} : { dtype }),
      ...(flavor === undefined ? {} : { flavor }),
      ...(decode === undefined ? {} : { decode }),
      orientation,
    },
    folders,
  };
}

function isOptionalString(value: unknown): value is string | undefined {
  return value === undefined || typeof value === "string";
}
