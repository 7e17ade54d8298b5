/** The golden images: decoded RGB where this package can have it without a decoder, and what Pillow and torch made of it. */
import { createHash } from "node:crypto";
import { readFileSync } from "node:fs";
import type { RawImage } from "../src/index.js";
import { readPng } from "./png.js";

const folder = new URL("../../../fixtures/images/", import.meta.url);

export interface GoldenResize {
  readonly kind: string;
  readonly library: "pil" | "torch";
  readonly width: number;
  readonly height: number;
  readonly file: string;
}

export interface GoldenImage {
  readonly file: string;
  readonly width: number;
  readonly height: number;
  readonly rgb_sha256: string;
  readonly rgb_file?: string;
  readonly resizes: readonly GoldenResize[];
}

export interface GoldenPixelValues {
  readonly tag: string;
  readonly image: string;
  readonly config: Record<string, unknown>;
  readonly dims: readonly number[];
  readonly file: string;
}

interface Manifest {
  readonly images: readonly GoldenImage[];
  readonly pixel_values: readonly GoldenPixelValues[];
}

function readManifest(): Manifest {
  const manifest: Manifest = JSON.parse(readFileSync(new URL("manifest.json", folder), "utf8"));
  return manifest;
}

export const manifest: Manifest = readManifest();

export function readFixture(name: string): Uint8Array {
  return readFileSync(new URL(name, folder));
}

/** Whether the decoded pixels are at hand: Pillow's, stored for the lossy formats, or our reading of a PNG. */
export function isDecodable(image: GoldenImage): boolean {
  return image.rgb_file !== undefined || image.file.endsWith(".png");
}

export function decode(image: GoldenImage): RawImage & { readonly data: Uint8Array } {
  const stored = image.rgb_file === undefined ? undefined : readFixture(image.rgb_file);
  const { data, width, height } =
    stored === undefined ? readPng(readFixture(image.file)) : { data: stored, width: image.width, height: image.height };
  const digest = createHash("sha256").update(data).digest("hex");
  if (digest !== image.rgb_sha256 || width !== image.width || height !== image.height) throw new Error(`${image.file} was read wrongly`);
  return { data, width, height, channels: 3 };
}
