/** The examples of READMEs, as a reader would copy them, with the demo checkpoint and its images in the places of real ones. */
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { root } from "./packages.js";

const demoImages = ["04.webp", "02.jpg", "03.png"];

/** Every `ts` block of the root README that loads a model in Node, for this machine, in the README's order. */
export function readmeSnippets(): string[] {
  const snippets = snippetsOf("README.md").filter((code) => code.includes(`"@chinese-clip/node"`) && code.includes("fromPretrained"));
  if (snippets.length === 0) throw new Error("README.md: expected a ts block with fromPretrained, got none");
  return snippets;
}

/** Every `ts` block of a document, for this machine; `path` from the repository's root. */
export function snippetsOf(path: string): string[] {
  const text = readFileSync(join(root, path), "utf8");
  return [...text.matchAll(/^```(?:ts|typescript)\n(.*?)^```$/gms)].map(([, code]) => adaptSnippet(code as string));
}

/** The model's id or folder becomes the demo checkpoint's folder, each image's name one of the demo's images. Nothing else changes. */
function adaptSnippet(snippet: string): string {
  const images = new Map<string, string>();
  return snippet
    .replaceAll(/"(?:OFA-Sys|\.|\.\.)\/chinese-clip-[^"]+"/g, JSON.stringify(join(root, "examples", "demo-checkpoint")))
    .replaceAll(/"([^"\n]+\.(?:jpe?g|png|webp))"/g, (_, name: string) => {
      const image = images.get(name) ?? join(root, "examples", "pictures", demoImages[images.size % demoImages.length] as string);
      images.set(name, image);
      return JSON.stringify(image);
    });
}
