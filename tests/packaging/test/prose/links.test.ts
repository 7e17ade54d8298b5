/** Every link of a document to a file of the repository leads there, and its anchor to a heading. */
import { existsSync, readdirSync, readFileSync } from "node:fs";
import { dirname, join, resolve } from "node:path";
import { describe, expect, it } from "vitest";
import { packageFolders, root } from "../packages.js";

const FOLDERS = [
  ".",
  "docs",
  "bench",
  "fixtures",
  "tests/packaging",
  "examples/demo-checkpoint",
  "examples/tokenizer-only",
  "examples/web-search",
];
const documents = [...FOLDERS, ...packageFolders().map((folder) => `packages/${folder}`)].flatMap((folder) =>
  readdirSync(join(root, folder))
    .filter((name) => name.endsWith(".md") && !/\.api\.md$|^CHANGELOG/.test(name))
    .map((name) => (folder === "." ? name : `${folder}/${name}`)),
);

describe.each(documents)("%s", (document) => {
  const text = readFileSync(join(root, document), "utf8");

  it("links to what is there", () => {
    const targets = [...text.replaceAll(/^```.*?^```$/gms, "").matchAll(/\]\(([^)\s]+)\)/g)].map(([, target]) => target as string);
    const broken = targets.filter((target) => !/^\w+:/.test(target) && !leadsSomewhere(document, target));
    expect(broken).toEqual([]);
  });

  it.runIf(/^packages\/[^/]+\/README/.test(document))("is a README below 150 lines", () => {
    expect(text.split("\n").length).toBeLessThan(150);
  });

  it.runIf(document.endsWith(".zh-CN.md"))("is the twin of an English document that it links to", () => {
    const english = document.replace(".zh-CN.md", ".md");
    const name = english.split("/").at(-1) ?? "";
    expect(text).toContain(`](${name})`);
    expect(readFileSync(join(root, english), "utf8")).toContain(`](${name.replace(".md", ".zh-CN.md")})`);
  });
});

function leadsSomewhere(document: string, target: string): boolean {
  const [path = "", anchor] = target.split("#");
  const file = path === "" ? join(root, document) : resolve(root, dirname(document), path);
  if (!existsSync(file)) return false;
  return anchor === undefined || !file.endsWith(".md") ? existsSync(file) : headingsOf(readFileSync(file, "utf8")).includes(anchor);
}

/** Anchors as GitHub makes them. */
function headingsOf(text: string): string[] {
  return [...text.replaceAll(/^```.*?^```$/gms, "").matchAll(/^#+ (.*)$/gm)].map(([, heading = ""]) =>
    heading
      .toLowerCase()
      .replaceAll(/\[([^\]]*)\]\([^)]*\)/g, "$1")
      .replaceAll(/[^\p{L}\p{N}\s_-]/gu, "")
      .replaceAll(/\s/g, "-"),
  );
}
