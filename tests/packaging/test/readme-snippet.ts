/** The first example of the root README, as a reader would copy it, with the demo checkpoint and its pictures in the places of a download. */
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { root } from "./packages.js";

/** The first `ts` block of the root README that loads a model, verbatim. */
export function readmeSnippet(): string {
  const readme = readFileSync(join(root, "README.md"), "utf8");
  const blocks = [...readme.matchAll(/^```(?:ts|typescript)\n(.*?)^```$/gms)].map(([, code]) => code as string);
  const block = blocks.find((code) => code.includes("fromPretrained"));
  if (block === undefined) throw new Error("README.md: expected a ts block with fromPretrained, got none");
  return block;
}

/**
 * The snippet for this machine: the hub id becomes the demo checkpoint's folder, each picture's name one of the demo's pictures. Nothing else
 * changes.
 */
export function adaptSnippet(snippet: string): string {
  const pictures = new Map<string, string>();
  const adapted = snippet
    .replaceAll(/"(?:OFA-Sys\/[^"]+)"/g, JSON.stringify(join(root, "examples", "demo-checkpoint")))
    .replaceAll(/"([^"\n]+\.(?:jpe?g|png|webp))"/g, (_, name: string) => {
      const picture =
        pictures.get(name) ?? join(root, "examples", "pictures", DEMO_PICTURES[pictures.size % DEMO_PICTURES.length] as string);
      pictures.set(name, picture);
      return JSON.stringify(picture);
    });
  if (adapted === snippet) throw new Error("README.md: expected a hub id or a picture to replace in the example, got neither");
  return adapted;
}

const DEMO_PICTURES = ["04.webp", "02.jpg", "03.png"];
