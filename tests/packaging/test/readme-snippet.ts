/** The root README's examples for Node, as a reader would copy them, with the demo checkpoint and its pictures in the places of real ones. */
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { root } from "./packages.js";

const demoPictures = ["04.webp", "02.jpg", "03.png"];

/** Every `ts` block of the root README that loads a model in Node, for this machine, in the README's order. */
export function readmeSnippets(): string[] {
  const readme = readFileSync(join(root, "README.md"), "utf8");
  const snippets = [...readme.matchAll(/^```(?:ts|typescript)\n(.*?)^```$/gms)]
    .map(([, code]) => code as string)
    .filter((code) => code.includes(`"@chinese-clip/node"`) && code.includes("fromPretrained"))
    .map(adaptSnippet);
  if (snippets.length === 0) throw new Error("README.md: expected a ts block with fromPretrained, got none");
  return snippets;
}

/** The model's id or folder becomes the demo checkpoint's folder, each picture's name one of the demo's pictures. Nothing else changes. */
function adaptSnippet(snippet: string): string {
  const pictures = new Map<string, string>();
  return snippet
    .replaceAll(/"(?:OFA-Sys|\.|\.\.)\/chinese-clip-[^"]+"/g, JSON.stringify(join(root, "examples", "demo-checkpoint")))
    .replaceAll(/"([^"\n]+\.(?:jpe?g|png|webp))"/g, (_, name: string) => {
      const picture = pictures.get(name) ?? join(root, "examples", "pictures", demoPictures[pictures.size % demoPictures.length] as string);
      pictures.set(name, picture);
      return JSON.stringify(picture);
    });
}
